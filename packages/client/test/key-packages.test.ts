/** Key packages that nobody has used: which one is offered, and when its private keys go. */
import { toHex } from '@dmls/crypto'
import { type DmlsEpoch, dmlsEpoch } from '@dmls/dmls'
import type { KeyPackage } from '@dmls/mls'
import { afterEach, describe, expect, test } from 'vitest'
import type { ClientContext } from '../src/context.ts'
import { KeyPackages, keyPackageMessage, type OwnKeyPackage } from '../src/key-packages.ts'
import { MemoryStore } from '../src/memory-store.ts'
import { keyPackageTopic } from '../src/topic-names.ts'
import { WatchedStore } from './by-hand.ts'
import { createHub, createPerson, groupOf, listen, type Person, until } from './harness.ts'
import { createSolo } from './solo.ts'
import { contentsOf } from './stored.ts'
import { TurnedClock } from './turned-clock.ts'

interface Setting {
  readonly clock: TurnedClock
  readonly store: WatchedStore
  readonly context: ClientContext
  readonly own: KeyPackages
}

async function setting(): Promise<Setting> {
  const [clock, store] = [new TurnedClock(), new WatchedStore()]
  const { context: solo } = await createSolo(new MemoryStore())
  const context = { ...solo, clock, store }
  return { clock, store, context, own: await KeyPackages.open(context) }
}

function nameOf({ bundle }: OwnKeyPackage): string {
  return toHex(bundle.reference)
}

function secretsOf({ bundle, signingKey }: OwnKeyPackage): readonly Uint8Array[] {
  return [bundle.initPrivateKey, bundle.encryptionPrivateKey, signingKey.privateKey]
}

/** Everything that is on the disk, as one hexadecimal text. */
async function everythingIn(store: WatchedStore): Promise<string> {
  return [...(await contentsOf(store)).values()].join(' ')
}

const groupId = new Uint8Array(32).fill(1)

describe('the key package that is offered', () => {
  test('is one for all who ask, also at once, until it is used', async () => {
    const { own } = await setting()
    const [first, second] = await Promise.all([own.offer(), own.offer()])
    expect(nameOf(second)).toBe(nameOf(first))
    expect(own.all()).toHaveLength(1)
    own.use(first, groupId, dmlsEpoch(new Uint8Array(32))).written()
    expect(nameOf(await own.offer())).not.toBe(nameOf(first))
  })

  test('has a quarter of its lifetime left; before that is over a Welcome can still use the one before', async () => {
    const { clock, own } = await setting()
    const first = await own.offer()
    clock.passDays(67)
    expect(nameOf(await own.offer())).toBe(nameOf(first))
    clock.passDays(1)
    const second = await own.offer()
    expect(nameOf(second)).not.toBe(nameOf(first))
    expect(nameOf(await own.offer())).toBe(nameOf(second))
    expect(own.find(first.bundle.reference)).toBeDefined()
  })
})

describe('a key package that nobody used within its lifetime', () => {
  test('is deleted when the next one is offered, with its private keys', async () => {
    const { clock, store, own } = await setting()
    const first = await own.offer()
    const secrets = secretsOf(first).map(toHex)
    clock.passDays(91)
    for (const secret of secrets) expect(await everythingIn(store)).toContain(secret)
    await own.offer()
    for (const secret of secrets) expect(await everythingIn(store)).not.toContain(secret)
    for (const secret of secretsOf(first)) expect(secret.every((byte) => byte === 0)).toBe(true)
    expect(own.find(first.bundle.reference)).toBeUndefined()
    expect(store.forgotten).toBe(1)
  })

  test('is deleted by a client that opens, which leaves the others alone', async () => {
    const { clock, store, context, own } = await setting()
    const offered = await own.create()
    const used = own.use(await own.create(), groupId, dmlsEpoch(new Uint8Array(32)))
    await store.write(used.operations)
    await own.createForReturn(groupId, [])
    clock.passDays(80)
    const late = await own.create()
    clock.passDays(11)
    const again = await KeyPackages.open(context)
    expect(
      again
        .all()
        .map(({ use }) => use)
        .sort(),
    ).toEqual(['offered', 'returning', 'used'])
    expect(again.find(late.bundle.reference)).toBeDefined()
    const left = await everythingIn(store)
    for (const secret of secretsOf(offered)) expect(left).not.toContain(toHex(secret))
    expect(store.forgotten).toBe(1)
  })

  test('is deleted when a group forgets, also while nobody asks for one', async () => {
    const { clock, store, own } = await setting()
    const first = await own.create()
    const release = (): ReturnType<KeyPackages['release']> =>
      own.release(
        groupId,
        () => true,
        () => true,
      )
    expect(release().operations).toEqual([])
    clock.passDays(91)
    const { operations, written } = release()
    await store.write(operations)
    written()
    expect(own.all()).toEqual([])
    expect(await everythingIn(store)).toBe('')
    expect(secretsOf(first).every((secret) => secret.every((byte) => byte === 0))).toBe(true)
  })

  test('does not take away the signature key of the group that it led into meanwhile', async () => {
    const { clock, own } = await setting()
    const { bundle } = await own.create()
    const found = own.find(bundle.reference) as OwnKeyPackage
    clock.passDays(91)
    await own.offer()
    expect(found.signingKey.privateKey.some((byte) => byte !== 0)).toBe(true)
  })
})

describe('a key package that was used', () => {
  const [first, second] = [1, 2].map((byte) => dmlsEpoch(new Uint8Array(32).fill(byte))) as [DmlsEpoch, DmlsEpoch]
  const elsewhere = new Uint8Array(32).fill(2)

  /** One that Welcomes into both epochs used, and one that another group used. */
  async function used({ own, store }: Setting): Promise<readonly [OwnKeyPackage, OwnKeyPackage]> {
    const [ours, theirs] = [await own.create(), await own.create()]
    for (const [{ bundle }, group, epoch] of [
      [ours, groupId, first],
      [ours, groupId, second],
      [theirs, elsewhere, first],
    ] as const) {
      const { operations, written } = own.use(own.find(bundle.reference) as OwnKeyPackage, group, epoch)
      await store.write(operations)
      written()
    }
    return [ours, theirs]
  }

  test('stays as long as a merge may start from where it led, also for a client that opens', async () => {
    const place = await setting()
    const [ours] = await used(place)
    for (const own of [place.own, await KeyPackages.open(place.context)]) {
      for (const open of [first, second]) {
        const { operations } = own.release(
          groupId,
          (epoch) => epoch === open,
          () => false,
        )
        expect(operations).toEqual([])
      }
      expect(own.find(ours.bundle.reference)?.entered).toEqual([first, second])
    }
  })

  test('goes with its private keys after that, but not the signature key that its group has now, nor other groups’', async () => {
    const place = await setting()
    const { own, store } = place
    const [ours, theirs] = await used(place)
    const [{ signingKey }] = own.all() as [OwnKeyPackage]
    const secrets = [ours.bundle.initPrivateKey, ours.bundle.encryptionPrivateKey]
    const hidden = secrets.map(toHex)
    const { operations, written } = own.release(
      groupId,
      () => false,
      () => false,
    )
    await store.write(operations)
    expect(secrets.map(toHex)).toEqual(hidden)
    written()
    expect(own.all().map(nameOf)).toEqual([nameOf(theirs)])
    for (const secret of hidden) expect(await everythingIn(store)).not.toContain(secret)
    for (const secret of secrets) expect(secret.every((byte) => byte === 0)).toBe(true)
    expect(signingKey.privateKey.some((byte) => byte !== 0)).toBe(true)
    expect(secretsOf(theirs).every((secret) => secret.some((byte) => byte !== 0))).toBe(true)
    expect((await KeyPackages.open(place.context)).all().map(nameOf)).toEqual([nameOf(theirs)])
  })
})

describe('a key package for coming back', () => {
  test('stays as long as the return may come, and then goes with all its private keys', async () => {
    const { own, store, context } = await setting()
    const keyPackage = await own.createForReturn(groupId, [])
    const [made] = own.all() as [OwnKeyPackage]
    const secrets = secretsOf(made)
    const hidden = secrets.map(toHex)
    const isIt = (asked: KeyPackage): boolean => asked === keyPackage
    expect(own.release(groupId, () => false, isIt).operations).toEqual([])
    expect((await KeyPackages.open(context)).all().map(nameOf)).toEqual([nameOf(made)])
    const { operations, written } = own.release(
      groupId,
      () => true,
      (asked) => !isIt(asked),
    )
    await store.write(operations)
    written()
    expect(own.all()).toEqual([])
    for (const secret of hidden) expect(await everythingIn(store)).not.toContain(secret)
    for (const secret of secrets) expect(secret.every((byte) => byte === 0)).toBe(true)
  })
})

describe('over the network', () => {
  const open: Person[] = []

  afterEach(async () => {
    for (const person of open.splice(0)) await person.client.close()
  })

  /** Somebody hands out bytes where the key package of an identity is asked for; what was asked for, as it is. */
  async function serve(
    hub: ReturnType<typeof createHub>,
    { digest }: ClientContext,
    identity: Uint8Array,
    bytes: Uint8Array,
  ): Promise<readonly string[]> {
    const answers: string[] = []
    await hub.join(`somebody with ${toHex(digest(bytes))}`).subscribe(keyPackageTopic(digest, identity), {
      receive: async () => 'ignore',
      held: async function* () {
        yield digest(bytes)
      },
      load: async (id) => {
        answers.push(toHex(id))
        return bytes
      },
    })
    return answers
  }

  test('bob, whom nobody asked for a hundred days, can be invited', async () => {
    const [hub, clock] = [createHub(), new TurnedClock()]
    const alice = await createPerson(hub, 'alice', new MemoryStore(), { clock })
    const bob = await createPerson(hub, 'bob', new MemoryStore(), { clock })
    open.push(alice, bob)
    listen(alice, await alice.client.createGroup())
    const before = await alice.client.fetchKeyPackage(bob.client.identity)
    clock.passDays(100)
    const after = await alice.client.fetchKeyPackage(bob.client.identity)
    expect(toHex(after)).not.toBe(toHex(before))
    await groupOf(alice).add([after])
    await until(() => bob.client.groups().length === 1, 'bob to join')
  })

  test('one that is past its time is not taken, whoever hands it out', async () => {
    const [hub, clock] = [createHub(), new TurnedClock()]
    const { own, context } = await setting()
    const expired = keyPackageMessage(await own.create())
    clock.passDays(91)
    const alice = await createPerson(hub, 'alice', new MemoryStore(), { clock })
    open.push(alice)
    const { publicKey } = context.identity
    const answers = await serve(hub, context, publicKey, expired)
    const fetched = alice.client.fetchKeyPackage(publicKey, 200)
    await expect(fetched).rejects.toMatchObject({ code: 'key_package_not_found' })
    expect(answers).not.toEqual([])
  })

  test('one of mallory is not taken for one of bob, whoever hands it out', async () => {
    const hub = createHub()
    const [ofBob, ofMallory] = [await setting(), await setting()]
    const alice = await createPerson(hub, 'alice')
    open.push(alice)
    const { context } = ofBob
    const { publicKey } = context.identity
    const answers = await serve(hub, context, publicKey, keyPackageMessage(await ofMallory.own.create()))
    const fetched = alice.client.fetchKeyPackage(publicKey, 200)
    await expect(fetched).rejects.toMatchObject({ code: 'key_package_not_found' })
    expect(answers).not.toEqual([])
    const good = keyPackageMessage(await ofBob.own.create())
    await serve(hub, context, publicKey, good)
    expect(toHex(await alice.client.fetchKeyPackage(publicKey))).toBe(toHex(good))
  })
})
