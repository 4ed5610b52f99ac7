/** Anybody can send anything to an inbox: it takes no room from those who have something to say. */
import { toHex } from '@dmls/crypto'
import { decodeMlsMessage, mlsMessageBytes } from '@dmls/mls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { DEFAULT_LIMITS } from '../src/context.ts'
import { KeyPackages, type OwnKeyPackage } from '../src/key-packages.ts'
import { MemoryStore } from '../src/memory-store.ts'
import { StoreError, type Verdict } from '../src/ports.ts'
import { GROUP_LIST_PREFIX } from '../src/store-keys.ts'
import { keyPackageTopic } from '../src/topic-names.ts'
import { carry, createHandPerson, type HandPerson, handGroup, handPair, onlyGroup, say, told } from './by-hand.ts'
import { isWelcome, type Published } from './hand-delivery.ts'
import { until } from './harness.ts'
import { createSolo } from './solo.ts'
import { contentsOf } from './stored.ts'
import { TurnedClock } from './turned-clock.ts'

const open: HandPerson[] = []

afterEach(async () => {
  vi.restoreAllMocks()
  await told(...open.splice(0))
})

function readWelcome(bytes: Uint8Array): Extract<ReturnType<typeof decodeMlsMessage>, { wireFormat: 'mls_welcome' }> {
  const message = decodeMlsMessage(bytes)
  if (message.wireFormat !== 'mls_welcome') throw new Error('this is no Welcome')
  return message
}

test('Welcomes that lead nowhere leave their names, and the one that leads somewhere still gets in', async () => {
  const [alice, bob] = [await createHandPerson(), await createHandPerson()]
  open.push(alice, bob)
  const group = await alice.client.createGroup()
  await group.add([await bob.client.createKeyPackage()])
  const published = alice.delivery.take()
  const sent = published.find(isWelcome)
  if (sent === undefined) throw new Error('nobody was welcomed')
  const { welcome } = readWelcome(sent.message)

  // more than an inbox holds, each of them for nobody's key package or broken
  const before = bob.store.memory.sizeBytes
  for (let i = 0; i < 300; i++) {
    const encryptedGroupInfo = Uint8Array.from(welcome.encryptedGroupInfo)
    encryptedGroupInfo.set([i >> 8, i & 0xff])
    const secrets = welcome.secrets.map((each) => ({ ...each, newMember: each.newMember.map((byte) => byte ^ 1) }))
    const bad = i % 2 === 0 ? { ...welcome, encryptedGroupInfo } : { ...welcome, encryptedGroupInfo, secrets }
    const message = mlsMessageBytes({ wireFormat: 'mls_welcome', welcome: bad })
    expect(await bob.delivery.hand({ ...sent, message })).toBe('accept')
  }
  expect(await bob.delivery.served(sent.topic)).toEqual([])
  expect(bob.store.memory.sizeBytes - before).toBeLessThan(300 * 100)
  for (const each of published) await bob.delivery.hand(each)
  expect(onlyGroup(bob).head).toBe(group.head)
})

test('what is no Welcome, or too large, is rejected and not kept', async () => {
  const [alice, bob] = [await createHandPerson(), await createHandPerson()]
  open.push(alice, bob)
  await alice.client.createGroup()
  await onlyGroup(alice).add([await bob.client.createKeyPackage()])
  const sent = alice.delivery.take().find(isWelcome) as Published
  const { welcome } = readWelcome(sent.message)
  const encryptedGroupInfo = new Uint8Array(DEFAULT_LIMITS.messageSizeMax)
  const before = await contentsOf(bob.store)
  for (const message of [
    mlsMessageBytes({ wireFormat: 'mls_welcome', welcome: { ...welcome, encryptedGroupInfo } }),
    await alice.client.createKeyPackage(),
    sent.message.slice(0, -1),
  ]) {
    expect(await bob.delivery.hand({ ...sent, message })).toBe('reject')
  }
  expect(await contentsOf(bob.store)).toEqual(before)
})

test('no more than so many Welcomes wait, however many copies of one somebody makes', async () => {
  const [alice, bob] = await handPair()
  open.push(alice, bob)
  await onlyGroup(alice).add([await bob.client.createKeyPackage()])
  const sent = await carryWelcome(alice.delivery.take(), bob)
  const { welcome } = readWelcome(sent.message)
  const [entry] = welcome.secrets
  if (entry === undefined) throw new Error('the Welcome is for nobody')
  const verdicts: (Verdict | undefined)[] = []
  // all are good, and wait for a handover as the first does
  for (let i = 0; i < DEFAULT_LIMITS.welcomesMax; i++) {
    const other = { ...entry, newMember: new Uint8Array(32).fill(i) }
    const copy = { ...welcome, secrets: [...welcome.secrets, other] }
    const message = mlsMessageBytes({ wireFormat: 'mls_welcome', welcome: copy })
    verdicts.push(await bob.delivery.hand({ ...sent, message }))
  }
  expect([verdicts.at(-2), verdicts.at(-1)]).toEqual(['accept', 'ignore'])
  expect(await bob.delivery.served(sent.topic)).toHaveLength(DEFAULT_LIMITS.welcomesMax)
})

test('a key package that a Welcome into a known epoch is for is used up too, also after a restart', async () => {
  const [alice, bob] = [await createHandPerson(), await createHandPerson()]
  open.push(alice, bob)
  await alice.client.createGroup()
  const offers = [await bob.client.createKeyPackage(), await bob.client.createKeyPackage()]
  await onlyGroup(alice).add(offers)
  const sent = await carryWelcome(alice.delivery.take(), bob)
  expect(onlyGroup(bob).head).toBe(onlyGroup(alice).head)
  const { welcome } = readWelcome(sent.message)
  const turned = { ...welcome, secrets: [...welcome.secrets].reverse() }
  const message = mlsMessageBytes({ wireFormat: 'mls_welcome', welcome: turned })
  expect(await bob.delivery.hand({ ...sent, message })).toBe('accept')
  expect(await bob.delivery.served(sent.topic)).toEqual([])

  const again = await createHandPerson(bob.store.memory.copy())
  open.push(again)
  const { context } = await createSolo(new MemoryStore())
  const topic = toHex(keyPackageTopic(context.digest, bob.client.identity))
  for (const person of [bob, again]) {
    const [offered] = await person.delivery.served(topic)
    expect(offers.map(toHex)).not.toContain(toHex(offered ?? new Uint8Array(0)))
  }
})

/** Hands somebody the Welcome among what was published; that one. It may be for others too, in their inboxes. */
async function carryWelcome(published: readonly Published[], to: HandPerson): Promise<Published> {
  for (const each of published.filter(isWelcome)) {
    if ((await to.delivery.hand(each)) === 'accept') return each
  }
  throw new Error('nobody was welcomed')
}

/** Whether somebody is where another is, as a member, and reads what that one says. */
async function expectTogether(one: HandPerson, other: HandPerson): Promise<void> {
  await until(() => onlyGroup(one).head === onlyGroup(other).head, 'the two to be together', 3000)
  expect(onlyGroup(one).isMember).toBe(true)
  await say(other, 'there you are')
  await carry(other, one)
  await until(() => one.texts.includes('there you are'), 'the message', 3000)
}

describe('a Welcome that is not to be followed now', () => {
  test('because bob judges the fork himself, is the way back once judging shows that he is out (scenario 11)', async () => {
    const people = await Promise.all(Array.from({ length: 5 }, () => createHandPerson()))
    const [alice, bob, carol, dora, erin] = people as [HandPerson, HandPerson, HandPerson, HandPerson, HandPerson]
    open.push(...people)
    await handGroup(alice, bob, carol, dora)
    // carol removes bob, and dora stands with her; he is with alice, who invites erin meanwhile
    await onlyGroup(carol).remove([bob.client.identity])
    const [removal] = (await carry(carol, dora)) as [Published]
    await say(dora, 'with carol')
    await carry(dora, carol)
    await onlyGroup(alice).add([await erin.client.createKeyPackage()])
    await carry(alice, bob, carol, erin)
    const before = onlyGroup(bob).head
    // she merges, tells erin where the group goes on, and invites bob anew, who does not know that he was removed
    await onlyGroup(carol).add([await bob.client.createKeyPackage()])
    const merged = carol.delivery.take()
    for (const each of merged.filter((published) => !isWelcome(published))) await bob.delivery.hand(each)
    const { topic, message } = await carryWelcome(merged, bob)
    expect([onlyGroup(bob).head, onlyGroup(bob).isMember]).toEqual([before, true])
    expect(await bob.delivery.served(topic)).toEqual([message])

    await bob.delivery.hand(removal)
    await expectTogether(bob, carol)
    expect(await bob.delivery.served(topic)).toEqual([])
  })

  test('because bob’s side is the one that stays, is the way once that side removes him (scenario 25)', async () => {
    const clock = new TurnedClock()
    const alice = await createHandPerson(undefined, {}, { clock })
    const bob = await createHandPerson(undefined, { retentionIntervalMs: 5, cannotFollowAfterMs: 20 }, { clock })
    const carol = await createHandPerson(undefined, { mergeQuiescenceMs: 5 }, { clock })
    open.push(alice, bob, carol)
    await handGroup(alice, bob, carol)
    // two sides, and bob forgets where they part
    await onlyGroup(alice).update()
    await carry(alice, bob)
    await onlyGroup(carol).update()
    carol.delivery.take()
    clock.passDays(8)
    await until(() => bob.store.forgotten > 0, 'bob to forget', 3000)
    const before = onlyGroup(bob).head
    // he meets the other side, cannot follow, and asks; carol, who is alone there, brings him over
    await say(carol, 'over here')
    await carry(carol, bob)
    await until(() => bob.delivery.published.length > 0, 'bob to ask', 3000)
    await carry(bob, carol)
    await until(() => carol.delivery.published.some(isWelcome), 'carol to answer', 3000)
    const { topic, message } = await carryWelcome(carol.delivery.take(), bob)
    expect(onlyGroup(bob).head).toBe(before)
    expect(await bob.delivery.served(topic)).toEqual([message])

    await onlyGroup(alice).remove([bob.client.identity])
    await carry(alice, bob)
    await expectTogether(bob, carol)
    expect(await bob.delivery.served(topic)).toEqual([])
  })

  test('because bob is on another branch now than when he asked, is the way once that branch removes him', async () => {
    const clock = new TurnedClock()
    const alice = await createHandPerson(undefined, {}, { clock })
    const bob = await createHandPerson(undefined, { cannotFollowAfterMs: 20 }, { clock })
    const carol = await createHandPerson(undefined, { mergeQuiescenceMs: 5, retentionIntervalMs: 5 }, { clock })
    const dora = await createHandPerson(undefined, {}, { clock })
    const erin = await createHandPerson(undefined, {}, { clock })
    open.push(alice, bob, carol, dora, erin)
    await handGroup(alice, bob, carol, dora, erin)
    // bob misses what carol did after alice, and by the time he asks for her help she has deleted where he stands
    await onlyGroup(alice).update()
    await carry(alice, bob, carol)
    await onlyGroup(carol).update()
    carol.delivery.take()
    clock.passDays(8)
    await until(() => carol.store.forgotten > 0, 'carol to forget', 3000)
    await say(carol, 'further on')
    await carry(carol, bob)
    await until(() => bob.delivery.published.length > 0, 'bob to ask', 3000)
    // before her answer comes he learns that more members are with dora
    await onlyGroup(dora).update()
    await carry(dora, bob, erin)
    await say(erin, 'with dora')
    await carry(erin, bob)
    expect(onlyGroup(bob).head).toBe(onlyGroup(dora).head)
    await carry(bob, carol)
    await until(() => carol.delivery.published.some(isWelcome), 'carol to answer', 3000)
    const { topic, message } = await carryWelcome(carol.delivery.take(), bob)
    expect(onlyGroup(bob).head).toBe(onlyGroup(dora).head)
    expect(await bob.delivery.served(topic)).toEqual([message])

    await onlyGroup(dora).remove([bob.client.identity])
    await carry(dora, bob)
    await expectTogether(bob, carol)
  })

  test('leaves no copy of the signature key that it is for, and the key package keeps its own', async () => {
    const found = vi.spyOn(KeyPackages.prototype, 'find')
    const alice = await createHandPerson(undefined, {}, { adminRule: () => true })
    const bob = await createHandPerson()
    open.push(alice, bob)
    await alice.client.createGroup({ policy: { admin: { kind: 'application' } } })
    await onlyGroup(alice).add([await bob.client.createKeyPackage()])
    await carryWelcome(alice.delivery.take(), bob)
    expect(bob.client.groups()).toEqual([])
    const [copy] = found.mock.results.map(({ value }) => value as OwnKeyPackage)
    expect(copy?.signingKey.privateKey.every((byte) => byte === 0)).toBe(true)
    const [kept] = (found.mock.contexts[0] as KeyPackages).all()
    expect(kept?.signingKey.privateKey.some((byte) => byte !== 0)).toBe(true)
  })

  test('because bob’s application brings no rule for the group is followed when it does', async () => {
    const adminRule = (): boolean => true
    const alice = await createHandPerson(undefined, {}, { adminRule })
    const bob = await createHandPerson()
    open.push(alice, bob)
    await alice.client.createGroup({ policy: { admin: { kind: 'application' } } })
    await onlyGroup(alice).add([await bob.client.createKeyPackage()])
    await carryWelcome(alice.delivery.take(), bob)
    expect(bob.client.groups()).toEqual([])
    const again = await createHandPerson(bob.store.memory.copy(), {}, { adminRule })
    open.push(again)
    await expectTogether(again, alice)
  })
})

describe('a disk that refuses', () => {
  /** A first invitation of bob, and how his disk refuses the batches that have a key of this kind. */
  async function invited() {
    const [alice, bob] = [await createHandPerson(), await createHandPerson()]
    open.push(alice, bob)
    await alice.client.createGroup()
    await onlyGroup(alice).add([await bob.client.createKeyPackage()])
    const sent = alice.delivery.take().find(isWelcome) as Published
    const refuse = (prefix: Uint8Array): void => {
      bob.store.onWrite = () => {
        const isRefused = bob.store.batches.at(-1)?.some(({ key }) => toHex(key).startsWith(toHex(prefix)))
        if (isRefused) throw new StoreError('store_failed', 'the disk is full')
      }
    }
    return { alice, bob, sent, refuse }
  }

  test('to keep a Welcome leaves it to those who serve it', async () => {
    const { alice, bob, sent, refuse } = await invited()
    refuse(new Uint8Array(0))
    expect(await bob.delivery.hand(sent)).toBe('ignore')
    bob.store.onWrite = () => undefined
    expect(await bob.delivery.hand(sent)).toBe('accept')
    await expectTogether(bob, alice)
  })

  test('to begin the group of a Welcome leaves it in the inbox for the next time', async () => {
    const { alice, bob, sent, refuse } = await invited()
    refuse(GROUP_LIST_PREFIX)
    expect(await bob.delivery.hand(sent)).toBe('accept')
    expect([bob.client.groups(), await bob.delivery.served(sent.topic)]).toEqual([[], [sent.message]])
    const again = await createHandPerson(bob.store.memory.copy())
    open.push(again)
    await expectTogether(again, alice)
  })
})

test('a disk that refuses while a Welcome is tried again is reported, and the Welcome stays for the next time', async () => {
  const [alice, bob] = await handPair()
  open.push(alice, bob)
  await onlyGroup(alice).remove([bob.client.identity])
  const [removal] = alice.delivery.take() as [Published]
  await onlyGroup(alice).add([await bob.client.createKeyPackage()])
  await carryWelcome(alice.delivery.take(), bob)
  bob.store.onRead = () => {
    throw new StoreError('store_failed', 'the disk does not answer')
  }
  expect(await bob.delivery.hand(removal)).toBe('accept')
  await until(() => bob.events.some(({ type }) => type === 'refused'), 'the report', 3000)
  expect(bob.events.find(({ type }) => type === 'refused')).toMatchObject({ code: 'store_failed' })
  expect(onlyGroup(bob).isMember).toBe(false)
  const again = await createHandPerson(bob.store.memory.copy())
  open.push(again)
  await expectTogether(again, alice)
})
