/** What a client that caught a member with two tongues can show to others. */
import { utf8 } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { encodeEquivocationProof, identifierBytes } from '@dmls/dmls'
import { afterEach, describe, expect, test } from 'vitest'
import { type GroupEvent, verifyEquivocation } from '../src/index.ts'
import { MemoryStore } from '../src/memory-store.ts'
import { groupRecordKey } from '../src/store-keys.ts'
import { carry, createHandPerson, type HandPerson, listen, onlyGroup, say } from './by-hand.ts'

type Equivocation = Extract<GroupEvent, { type: 'equivocation' }>

const QUICK = { resumeSyncMs: 1, resumeQuietMs: 1 }
const open: HandPerson[] = []

async function person(memory?: MemoryStore): Promise<HandPerson> {
  const created = await createHandPerson(memory, QUICK)
  open.push(created)
  return created
}

afterEach(async () => {
  for (const each of open.splice(0)) await each.client.close()
})

/**
 * alice and carol have committed at once. Of two copies of bob that do not know of each other, one is on the side of
 * alice, the other on that of carol, who see both.
 */
async function twoBobs() {
  const [alice, bob, carol] = (await Promise.all([person(), person(), person()])) as [
    HandPerson,
    HandPerson,
    HandPerson,
  ]
  listen(alice, await alice.client.createGroup())
  await onlyGroup(alice).add(await Promise.all([bob.client.createKeyPackage(), carol.client.createKeyPackage()]))
  await carry(alice, bob, carol)
  const twin = await person(bob.store.memory.copy())
  await onlyGroup(alice).update()
  await onlyGroup(carol).update()
  await carry(alice, bob, carol)
  await carry(carol, twin, alice)
  return { alice, bob, twin, carol }
}

async function seenBy(observer: HandPerson): Promise<Equivocation[]> {
  await observer.client.close()
  return observer.events.filter((event): event is Equivocation => event.type === 'equivocation')
}

describe('a member that commits twice under one counter', () => {
  test('is named with its two epochs, its counter and evidence that convinces somebody outside the group', async () => {
    const { alice, bob, twin, carol } = await twoBobs()
    await onlyGroup(bob).update()
    await onlyGroup(twin).update()
    const [one, other] = [onlyGroup(bob).head, onlyGroup(twin).head]
    const [first, second] = [bob.delivery.take(), twin.delivery.take()]
    for (const message of [...first, ...second]) await alice.delivery.hand(message)
    for (const message of [...second, ...first]) await carol.delivery.hand(message)
    const groupId = onlyGroup(alice).id
    const instance = onlyGroup(bob)
      .members()
      .find(({ isSelf }) => isSelf)?.instance
    const [seen, ...more] = await seenBy(alice)
    expect(more).toEqual([])
    expect(seen).toMatchObject({ instance, counter: 1n, epochs: [one, other].sort() })
    if (seen?.evidence === undefined) throw new Error('there is no evidence')
    // both saw it alike, in whatever order
    expect((await seenBy(carol))[0]?.evidence).toEqual(seen.evidence)
    expect(await verifyEquivocation(seen.evidence, { provider: nodeProvider })).toMatchObject({
      groupId,
      identity: bob.client.identity,
      counter: 1n,
      epochs: [2n, 2n],
    })
  })

  test('is caught with evidence also by a client that was opened again in between', async () => {
    const { alice, bob, twin } = await twoBobs()
    await onlyGroup(bob).update()
    await onlyGroup(twin).update()
    await carry(bob, alice)
    const again = await person(alice.store.memory.copy())
    await carry(twin, again)
    const evidence = (await seenBy(again))[0]?.evidence as Uint8Array
    const verdict = await verifyEquivocation(evidence, { provider: nodeProvider })
    expect(verdict.identity).toEqual(bob.client.identity)
  })

  test('is convicted by what it signed and by nothing else', async () => {
    const { alice, bob, twin } = await twoBobs()
    await onlyGroup(bob).update()
    await onlyGroup(twin).update()
    await carry(bob, alice)
    await carry(twin, alice)
    const evidence = (await seenBy(alice))[0]?.evidence as Uint8Array
    const verdict = await verifyEquivocation(evidence, { provider: nodeProvider })
    let refused = 0
    for (let at = 0; at < evidence.length; at += 5) {
      const flipped = evidence.slice()
      flipped[at] = (flipped[at] as number) ^ 1
      try {
        // the confirmation tags are no part of what is signed: the verdict is the same without them
        expect(await verifyEquivocation(flipped, { provider: nodeProvider })).toEqual(verdict)
      } catch (error) {
        expect(error).toMatchObject({ name: 'MlsError', blame: expect.stringMatching(/^(malformed|invalid)$/) })
        refused++
      }
    }
    expect(refused).toBeGreaterThan((evidence.length / 5) * 0.9)
  })
})

describe('nobody is convicted', () => {
  test('for one commit that is shown twice, under two tags, or for two commits with counters of their own', async () => {
    const { carol, bob } = await twoBobs()
    await onlyGroup(bob).update()
    await carry(bob, carol)
    await onlyGroup(bob).update()
    await carry(bob, carol)
    const [first, second] = await commitsBy(carol, bob)
    const evil = first.slice()
    // the confirmation tag stands at the end, and no signature covers it
    evil[evil.length - 1] = (evil.at(-1) as number) ^ 1
    for (const other of [first, evil, second]) {
      const claimed = verifyEquivocation(encodeEquivocationProof(first, other), { provider: nodeProvider })
      await expect(claimed).rejects.toMatchObject({ code: 'no_equivocation' })
    }
    expect(await seenBy(carol)).toEqual([])
  })

  test('for two members who commit at once with the counters that they happen to have', async () => {
    const { alice, bob, carol } = await twoBobs()
    await onlyGroup(bob).update()
    await carry(bob, alice)
    const [first] = await commitsBy(alice, bob)
    const [second] = await commitsBy(alice, carol)
    const claimed = verifyEquivocation(encodeEquivocationProof(first, second), { provider: nodeProvider })
    await expect(claimed).rejects.toMatchObject({ code: 'no_equivocation' })
    expect(await seenBy(alice)).toEqual([])
  })

  test('for two devices of one person, each of which counts for itself', async () => {
    const [alice, phone] = (await Promise.all([person(), person()])) as [HandPerson, HandPerson]
    const memory = new MemoryStore()
    const identity = (await phone.store.get(utf8('identity'))) as Uint8Array
    await memory.write([{ type: 'put', key: utf8('identity'), value: identity }])
    const tablet = await person(memory)
    listen(alice, await alice.client.createGroup())
    const devices = [phone, tablet]
    await onlyGroup(alice).add(await Promise.all(devices.map(({ client }) => client.createKeyPackage())))
    await carry(alice, ...devices)
    for (const device of devices) await onlyGroup(device).update()
    for (const device of devices) await carry(device, alice)
    const [[first], [second]] = [await commitsBy(alice, phone), await commitsBy(alice, tablet)]
    const claimed = verifyEquivocation(encodeEquivocationProof(first, second), { provider: nodeProvider })
    await expect(claimed).rejects.toMatchObject({ code: 'no_equivocation' })
    expect(await seenBy(alice)).toEqual([])
  })

  test('by bytes that are no proof', async () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array([2, 0, 0]), new Uint8Array([1, 0, 0])]) {
      await expect(verifyEquivocation(bytes, { provider: nodeProvider })).rejects.toMatchObject({ blame: 'malformed' })
    }
  })
})

test('of two messages under one counter the member is named, and their text is shown to nobody', async () => {
  const { alice, bob, twin } = await twoBobs()
  const epochs = [onlyGroup(bob).head, onlyGroup(twin).head].sort()
  await say(bob, 'to one side')
  await say(twin, 'to the other')
  await carry(bob, alice)
  await carry(twin, alice)
  expect(await seenBy(alice)).toMatchObject([{ counter: 1n, epochs, evidence: undefined }])
})

/** The commits of a member that an observer keeps as they were signed, the latest last. */
async function commitsBy(observer: HandPerson, author: HandPerson): Promise<[Uint8Array, Uint8Array]> {
  const dag = onlyGroup(observer).dag()
  const instance = onlyGroup(author)
    .members()
    .find(({ isSelf }) => isSelf)?.instance
  const commits: Uint8Array[] = []
  for (const { id } of dag.epochs().filter(({ committer }) => committer === instance)) {
    const key = groupRecordKey(onlyGroup(observer).id, 'commit', identifierBytes(id))
    const commit = await observer.store.get(key)
    if (commit !== undefined) commits.push(commit)
  }
  return commits as [Uint8Array, Uint8Array]
}
