/** The end of a group on one client: nothing of it is left, in the store or in memory, and it may begin again. */
import { loadOrCreateIdentity, openClient } from '@dmls/client'
import { toHex, utf8 } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { DmlsGroup } from '../src/api.ts'
import { RunningState } from '../src/group/running-state.ts'
import { StoreError } from '../src/ports.ts'
import { GROUP_LIST_PREFIX, groupPrefix, KEY_PACKAGE_PREFIX, topicPrefix } from '../src/store-keys.ts'
import {
  carry,
  createHandPerson,
  type HandPerson,
  handPair,
  listen,
  onlyGroup,
  say,
  told,
  WatchedStore,
} from './by-hand.ts'
import { HandDelivery, isWelcome, type Published } from './hand-delivery.ts'
import { contentsOf } from './stored.ts'

const open: HandPerson[] = []

afterEach(async () => {
  vi.restoreAllMocks()
  await told(...open.splice(0))
})

async function pair(): Promise<readonly [HandPerson, HandPerson]> {
  const both = await handPair()
  open.push(...both)
  return both
}

/** Somebody who listens to no group. */
async function createDeafPerson(): Promise<HandPerson> {
  const [store, delivery] = [new WatchedStore(), new HandDelivery()]
  const identity = await loadOrCreateIdentity(store, nodeProvider)
  const client = await openClient({ provider: nodeProvider, store, delivery, identity })
  return { client, delivery, store, events: [], texts: [] }
}

/** alice adds a new key package of somebody; what she published. */
async function invite(alice: HandPerson, other: HandPerson): Promise<Published[]> {
  await onlyGroup(alice).add([await other.client.createKeyPackage()])
  return alice.delivery.take()
}

function isClosed(call: () => unknown): Promise<void> {
  return expect(async () => call()).rejects.toMatchObject({ name: 'MlsError', blame: 'usage', code: 'group_closed' })
}

/** What a handle can be asked for that needs more than what is public. */
function calls(group: DmlsGroup): readonly (() => unknown)[] {
  return [
    () => group.send(utf8('too late')),
    () => group.update(),
    () => group.add([]),
    () => group.remove([]),
    () => group.changeSettings({}),
    () => group.createJoinInfo(),
    () => group.leave(),
    () => group.on(() => undefined),
    () => group.exportSecret('label', new Uint8Array(0), 16),
    () => group.epochAuthenticator(),
  ]
}

describe('a group that bob forgets', () => {
  test('leaves nothing in his store, all of it in one batch, and his other group as it was', async () => {
    const [alice, bob] = await pair()
    const { id } = onlyGroup(bob)
    const empty = await contentsOf(bob.store)
    const other = await bob.client.createGroup()
    await other.send(utf8('to myself'))
    const kept = [...(await contentsOf(bob.store))].filter(([key]) => !empty.has(key))
    // one that his application was not told of, and one that waits for an epoch
    await say(alice, 'hello')
    await carry(alice, bob)
    await onlyGroup(alice).update()
    alice.delivery.take()
    await say(alice, 'early')
    const [late] = await carry(alice, bob)
    expect((await contentsOf(bob.store, KEY_PACKAGE_PREFIX)).size).toBe(1)
    const topic = Uint8Array.from(Buffer.from((late as Published).topic, 'hex'))
    expect((await contentsOf(bob.store, topicPrefix(topic))).size).toBe(2)
    const [batches, forgotten] = [bob.store.batches.length, bob.store.forgotten]

    await bob.client.forgetGroup(id)
    expect([bob.store.batches.length - batches, bob.store.forgotten - forgotten]).toEqual([1, 1])
    for (const prefix of [groupPrefix(id), topicPrefix(topic), KEY_PACKAGE_PREFIX]) {
      expect(await contentsOf(bob.store, prefix)).toEqual(new Map())
    }
    expect([...(await contentsOf(bob.store, GROUP_LIST_PREFIX)).keys()]).toEqual([
      toHex(GROUP_LIST_PREFIX) + toHex(other.id),
    ])
    const left = await contentsOf(bob.store)
    for (const [key, value] of kept) expect(left.get(key)).toBe(value)
    for (const [key, value] of left) expect(key + value).not.toContain(toHex(id))
    expect(bob.client.groups()).toEqual([other])
    await other.send(utf8('still here'))
    await expect(bob.client.forgetGroup(id)).rejects.toMatchObject({ blame: 'usage', code: 'no_such_group' })
  })

  test('leaves no secret in memory: of no epoch that he held, and no signature key', async () => {
    const begun = vi.spyOn(RunningState, 'of')
    const [alice, bob] = await pair()
    await onlyGroup(alice).update()
    await carry(alice, bob)
    const found = begun.mock.settledResults.flatMap(({ type, value }, i) =>
      type === 'fulfilled' ? [{ running: value, keys: begun.mock.calls[i]?.[3] ?? [] }] : [],
    )
    const secretsOf = ({ running, keys }: (typeof found)[number]): Uint8Array[] => [
      ...keys.map(({ privateKey }) => privateKey),
      ...[...running.current.epochs.values()].flatMap(({ group }) => [
        ...group.keys.values(),
        ...Object.values(group.secrets),
      ]),
    ]
    const [hers, his] = found.map(secretsOf)
    expect(his?.length).toBeGreaterThan(10)
    const isZero = (secret: Uint8Array): boolean => secret.every((byte) => byte === 0)
    expect([hers?.some(isZero), his?.every(isZero)]).toEqual([false, false])
    await bob.client.forgetGroup(onlyGroup(bob).id)
    expect([hers?.some(isZero), his?.every(isZero)]).toEqual([false, true])
  })

  test('invites him again as for the first time, also after a restart; his old Welcome leads nowhere', async () => {
    const alice = await createHandPerson()
    let bob = await createHandPerson()
    open.push(alice)
    const group = await alice.client.createGroup()
    listen(alice, group)
    for (const isRestarted of [false, true]) {
      const published = await invite(alice, bob)
      for (const each of published) await bob.delivery.hand(each)
      expect(onlyGroup(bob).head).toBe(group.head)
      await bob.client.forgetGroup(group.id)
      if (isRestarted) {
        await told(bob)
        bob = await createHandPerson(bob.store.memory.copy())
      }
      expect(bob.client.groups()).toEqual([])
      for (const each of published) await bob.delivery.hand(each)
      expect(bob.client.groups()).toEqual([])
    }
    open.push(bob)
    for (const each of await invite(alice, bob)) await bob.delivery.hand(each)
    await say(alice, 'welcome back')
    await carry(alice, bob)
    await say(bob, 'here I am')
    await carry(bob, alice)
    await told(alice, bob)
    expect([bob.texts, alice.texts]).toEqual([['welcome back'], ['here I am']])
  })

  test('is not begun again by a Welcome that waited for something when he forgot it', async () => {
    const [alice, bob] = await pair()
    const { id } = onlyGroup(bob)
    const welcomes = (await invite(alice, bob)).filter(isWelcome)
    for (const each of welcomes) expect(await bob.delivery.hand(each)).toBe('accept')
    const { topic } = welcomes[0] as Published
    expect(await bob.delivery.served(topic)).toHaveLength(1)
    await bob.client.forgetGroup(id)
    expect(await bob.delivery.served(topic)).toEqual([])
    const again = await createHandPerson(bob.store.memory.copy())
    open.push(again)
    expect([...bob.client.groups(), ...again.client.groups()]).toEqual([])
  })

  test('hears nothing more, also of what was on its way', async () => {
    const [alice, bob] = await pair()
    const group = onlyGroup(bob)
    await say(alice, 'one')
    await say(alice, 'two')
    const [one, two] = alice.delivery.take() as [Published, Published]
    const ending = bob.client.forgetGroup(group.id)
    const onTheWay = bob.delivery.hand(one)
    await ending
    await onTheWay
    const after = await contentsOf(bob.store)
    expect(await bob.delivery.hand(two)).toBeUndefined()
    expect(await contentsOf(bob.store)).toEqual(after)
    expect(await contentsOf(bob.store, groupPrefix(group.id))).toEqual(new Map())
    expect(bob.texts.includes('two')).toBe(false)
  })

  test('is there as before when the disk refuses, and can be forgotten then', async () => {
    const [alice, bob] = await pair()
    const group = onlyGroup(bob)
    const before = await contentsOf(bob.store)
    bob.store.onWrite = () => {
      throw new StoreError('store_failed', 'the disk is full')
    }
    await expect(bob.client.forgetGroup(group.id)).rejects.toThrow('the disk is full')
    bob.store.onWrite = () => undefined
    expect(await contentsOf(bob.store)).toEqual(before)
    expect(bob.client.group(group.id)).toBe(group)
    await isClosed(() => group.update())
    const again = await createHandPerson(bob.store.memory.copy(), { resumeSyncMs: 10, resumeQuietMs: 1 })
    open.push(again)
    await say(again, 'as before')
    await carry(again, alice)
    await told(alice)
    expect(alice.texts).toEqual(['as before'])
    await bob.client.forgetGroup(group.id)
    expect([bob.client.groups(), await contentsOf(bob.store, groupPrefix(group.id))]).toEqual([[], new Map()])
  })

  test('may be forgotten by the handler of a message, and begin again before that handler is done', async () => {
    const [alice, bob] = [await createHandPerson(), await createDeafPerson()]
    open.push(alice, bob)
    await alice.client.createGroup()
    for (const each of await invite(alice, bob)) await bob.delivery.hand(each)
    const group = onlyGroup(bob)
    const heard: string[] = []
    const done = new Promise<void>((resolve, reject) => {
      const begunAgain = async (): Promise<void> => {
        await bob.client.forgetGroup(group.id)
        for (const each of await invite(alice, bob)) await bob.delivery.hand(each)
        // nobody listens to the new group yet: this waits in its inbox, at the place that the old one had
        await say(alice, 'three')
        await carry(alice, bob)
      }
      group.on((event) => {
        if (event.type !== 'message') return
        heard.push(new TextDecoder().decode(event.message.data))
        const begun = begunAgain()
        begun.then(resolve, reject)
        return begun
      })
    })
    await say(alice, 'one')
    await say(alice, 'two')
    await carry(alice, bob)
    await done
    await told(bob)
    expect(heard).toEqual(['one'])
    const again = await createHandPerson(bob.store.memory.copy())
    await told(again)
    expect(again.texts).toEqual(['three'])
  })

  test('may be forgotten by whoever is told that it began, which leaves no key package', async () => {
    const [alice, bob] = [await createHandPerson(), await createHandPerson()]
    open.push(alice, bob)
    await alice.client.createGroup()
    let ended: Promise<void> | undefined
    // nothing says that it may be async, but an application may write it so, and then it is waited for
    const listener = (group: DmlsGroup): unknown => {
      ended = bob.client.forgetGroup(group.id)
      return ended
    }
    bob.client.onGroup(listener)
    for (const each of await invite(alice, bob)) await bob.delivery.hand(each)
    await ended
    expect(bob.client.groups()).toEqual([])
    expect(await contentsOf(bob.store, KEY_PACKAGE_PREFIX)).toEqual(new Map())
  })
})

describe('the handle of a group', () => {
  test.each([
    ['that was forgotten', ({ client }: HandPerson, { id }: DmlsGroup) => client.forgetGroup(id)],
    ['of a client that was closed', ({ client }: HandPerson) => client.close()],
  ])('%s refuses every call, and writes nothing', async (_, end) => {
    const [, bob] = await pair()
    const group = onlyGroup(bob)
    const { head } = group
    const under = group.update().catch(() => undefined)
    await end(bob, group)
    await under
    const [batches, published] = [bob.store.batches.length, bob.delivery.published.length]
    for (const call of calls(group)) await isClosed(call)
    expect([bob.store.batches.length, bob.delivery.published.length]).toEqual([batches, published])
    // what is public can be read
    expect(group.dag().has(head)).toBe(true)
    expect(group.members()).toHaveLength(2)
  })

  test('that waits for its turn when the client is closed is refused too', async () => {
    const [, bob] = await pair()
    const again = await createHandPerson(bob.store.memory.copy(), { resumeSyncMs: 50, resumeQuietMs: 10 })
    const sent = say(again, 'nobody hears this')
    const refused = isClosed(() => sent)
    await again.client.close()
    await refused
  })
})

test('a client that was closed forgets nothing', async () => {
  const [, bob] = await pair()
  const { id } = onlyGroup(bob)
  await bob.client.close()
  const before = await contentsOf(bob.store)
  await expect(bob.client.forgetGroup(id)).rejects.toMatchObject({ blame: 'usage', code: 'client_closed' })
  expect(await contentsOf(bob.store)).toEqual(before)
})
