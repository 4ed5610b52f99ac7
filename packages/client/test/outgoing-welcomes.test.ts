/** Welcomes to people who may be offline: stored once, served until each recipient was heard, and then gone. */
import { concatBytes, toHex, utf8 } from '@dmls/crypto'
import { dmlsEpoch, instanceId } from '@dmls/dmls'
import { type KeyPackage, referenceOf } from '@dmls/mls'
import { afterEach, describe, expect, test } from 'vitest'
import type { ClientContext } from '../src/context.ts'
import { KeyPackages } from '../src/key-packages.ts'
import { MemoryStore } from '../src/memory-store.ts'
import { OutgoingWelcomes } from '../src/outgoing-welcomes.ts'
import type { Store, Topic, TopicHandler } from '../src/ports.ts'
import { OUTGOING_PREFIX, OUTGOING_WELCOME_PREFIX } from '../src/store-keys.ts'
import { inboxTopic } from '../src/topic-names.ts'
import { carry, createHandPerson, type HandPerson, onlyGroup, say, told } from './by-hand.ts'
import { HandDelivery } from './hand-delivery.ts'
import { createSolo } from './solo.ts'
import { TurnedClock } from './turned-clock.ts'

const open: HandPerson[] = []

async function person(memory?: MemoryStore): Promise<HandPerson> {
  const created = await createHandPerson(memory)
  open.push(created)
  return created
}

afterEach(() => told(...open.splice(0)))

/** Another device of the same owner. */
async function deviceOf(owner: HandPerson): Promise<HandPerson> {
  const memory = new MemoryStore()
  const key = utf8('identity')
  await memory.write([{ type: 'put', key, value: (await owner.store.get(key)) as Uint8Array }])
  return person(memory)
}

function inboxOf(context: Pick<ClientContext, 'digest'>, { client }: HandPerson): string {
  return toHex(inboxTopic(context.digest, client.identity))
}

/** How many records there are of outstanding Welcomes, and of recipients. */
async function outstandingIn({
  store,
}: {
  readonly store: Store
}): Promise<readonly [welcomes: number, people: number]> {
  return [(await entriesOf(store, OUTGOING_WELCOME_PREFIX)).length, (await entriesOf(store, OUTGOING_PREFIX)).length]
}

async function entriesOf(store: Store, prefix: Uint8Array): Promise<(readonly [key: Uint8Array, value: Uint8Array])[]> {
  const entries: (readonly [key: Uint8Array, value: Uint8Array])[] = []
  for await (const entry of store.entries({ prefix })) entries.push(entry)
  return entries
}

/** One that serves no topic for a while. */
class FlakyDelivery extends HandDelivery {
  isDown = true

  override async subscribe(topic: Topic, handler: TopicHandler): Promise<() => Promise<void>> {
    if (this.isDown) throw new Error('the network is down')
    return super.subscribe(topic, handler)
  }
}

/** alice invites others in one commit, which all of them get; nobody has spoken yet. Returns the Welcome. */
async function invite(alice: HandPerson, others: readonly HandPerson[]): Promise<Uint8Array> {
  const group = alice.client.groups()[0] ?? (await alice.client.createGroup())
  alice.delivery.take()
  await group.add(await Promise.all(others.map(({ client }) => client.createKeyPackage())))
  const published = await carry(alice, ...others)
  return (published.at(-1) as { message: Uint8Array }).message
}

describe('a Welcome for several people', () => {
  test('that nobody can be sent now is served all the same, and the commit is made', async () => {
    const [alice, bob] = [await person(), await person()]
    const { context } = await createSolo(new MemoryStore())
    const group = await alice.client.createGroup()
    alice.delivery.onPublish = () => {
      throw new Error('the network is down')
    }
    await group.add([await bob.client.createKeyPackage()])
    expect(group.members()).toHaveLength(2)
    const topic = inboxOf(context, bob)
    for (const message of await alice.delivery.served(topic)) await bob.delivery.hand({ topic, message })
    expect(onlyGroup(bob).head).toBe(group.head)
  })

  test('takes its size once on the disk, however many it is for', async () => {
    const alice = await person()
    const others = await Promise.all(Array.from({ length: 16 }, () => person()))
    const welcome = await invite(alice, others)
    const batch = alice.store.batches.at(-1) ?? []
    const values = batch.flatMap((operation) => (operation.type === 'put' ? [operation.value] : []))
    expect(values.filter((value) => toHex(value) === toHex(welcome))).toHaveLength(1)
    // the group's own records take more than the Welcome, but not as much as a copy for each
    expect(concatBytes(...values).length).toBeLessThan(8 * welcome.length)
    const recipients = await entriesOf(alice.store, OUTGOING_PREFIX)
    expect(recipients).toHaveLength(16)
    for (const [key, value] of recipients) expect(key.length + value.length).toBeLessThan(150)
  })

  test('is served to each until that one is heard, also after a restart, and then nothing is left', async () => {
    const [alice, bob, charlie, dave] = await Promise.all([person(), person(), person(), person()])
    const { context } = await createSolo(new MemoryStore())
    const [ofBob, ofCharlie, ofDave] = [bob, charlie, dave].map((each) => inboxOf(context, each)) as [
      string,
      string,
      string,
    ]
    const welcome = await invite(alice, [bob, charlie, dave])
    for (const topic of [ofBob, ofCharlie, ofDave]) expect(await alice.delivery.served(topic)).toEqual([welcome])
    await say(bob, 'here I am')
    const spoken = await carry(bob, alice)
    expect(await alice.delivery.served(ofBob)).toEqual([])
    for (const topic of [ofCharlie, ofDave]) expect(await alice.delivery.served(topic)).toEqual([welcome])
    expect(await outstandingIn(alice)).toEqual([1, 2])

    const again = await person(alice.store.memory.copy())
    expect(await again.delivery.served(ofBob)).toEqual([])
    for (const topic of [ofCharlie, ofDave]) expect(await again.delivery.served(topic)).toEqual([welcome])
    for (const each of spoken) await charlie.delivery.hand(each)
    await onlyGroup(charlie).update()
    await carry(charlie, again, dave)
    expect(await again.delivery.served(ofCharlie)).toEqual([])
    expect(await again.delivery.served(ofDave)).toEqual([welcome])
    expect(await outstandingIn(again)).toEqual([1, 1])

    // dave speaks after the epoch that he was welcomed into
    await say(dave, 'and I')
    await carry(dave, again)
    expect(await again.delivery.served(ofDave)).toEqual([])
    expect(await outstandingIn(again)).toEqual([0, 0])
    const left = await entriesOf(again.store, new Uint8Array(0))
    expect(left.filter(([, value]) => toHex(value) === toHex(welcome))).toEqual([])
  })

  test('who are one person with two devices is served in one inbox until both are heard', async () => {
    const [alice, bob] = await Promise.all([person(), person()])
    const tablet = await deviceOf(bob)
    const inbox = inboxOf((await createSolo(new MemoryStore())).context, bob)
    const welcome = await invite(alice, [bob, tablet])
    await say(bob, 'from the desk')
    await carry(bob, alice)
    expect(await alice.delivery.served(inbox)).toEqual([welcome])
    await say(tablet, 'from the sofa')
    await carry(tablet, alice)
    expect(await alice.delivery.served(inbox)).toEqual([])
    expect(await outstandingIn(alice)).toEqual([0, 0])
  })

  test('to another device of our own is served in the inbox that is also ours', async () => {
    const [alice, bob] = await Promise.all([person(), person()])
    const tablet = await deviceOf(alice)
    const inbox = inboxOf((await createSolo(new MemoryStore())).context, alice)
    const welcome = await invite(alice, [tablet, bob])
    expect(await alice.delivery.served(inbox)).toEqual([welcome])
    const again = await person(alice.store.memory.copy())
    expect(await again.delivery.served(inbox)).toEqual([welcome])
    await say(tablet, 'from the sofa')
    await carry(tablet, again)
    expect(await again.delivery.served(inbox)).toEqual([])
    expect(await outstandingIn(again)).toEqual([1, 1])
    // what others send to alice arrives as before
    const group = await bob.client.createGroup()
    await group.add([await again.client.createKeyPackage()])
    await carry(bob, again)
    expect(again.client.groups().map(({ id }) => toHex(id))).toContain(toHex(group.id))
  })
})

describe('a recipient that is never heard', () => {
  const epoch = (n: number): ReturnType<typeof dmlsEpoch> => dmlsEpoch(new Uint8Array(32).fill(n))

  interface Setting {
    readonly clock: TurnedClock
    readonly store: MemoryStore
    readonly context: ClientContext
    readonly delivery: HandDelivery
    readonly outgoing: OutgoingWelcomes
    /** A fresh key package; all are of one person. */
    readonly keyPackage: () => Promise<KeyPackage>
    readonly inbox: string
  }

  async function setting(): Promise<Setting> {
    const clock = new TurnedClock()
    const store = new MemoryStore()
    const delivery = new HandDelivery()
    const { context: solo } = await createSolo(new MemoryStore())
    const context = { ...solo, clock, store, delivery }
    const others = await KeyPackages.open({ ...solo, clock })
    const keyPackage = async (): Promise<KeyPackage> => (await others.create()).bundle.keyPackage
    const inbox = toHex(inboxTopic(context.digest, context.identity.publicKey))
    return { clock, store, context, delivery, outgoing: await OutgoingWelcomes.open(context), keyPackage, inbox }
  }

  async function send(
    { context, outgoing }: Setting,
    welcome: Uint8Array,
    to: readonly KeyPackage[],
    into = epoch(1),
  ): Promise<void> {
    const pending = await outgoing.prepare(welcome, into, to)
    await context.store.write(pending.operations)
    pending.written()
  }

  const nobody = instanceId(new Uint8Array(32))

  test('is waited for as long as its key package is good, and the Welcome is then gone', async () => {
    const place = await setting()
    const { clock, store, delivery, outgoing, inbox } = place
    await send(place, utf8('the first'), [await place.keyPackage(), await place.keyPackage()])
    clock.passDays(89)
    await outgoing.heard(nobody, () => true)
    expect(await delivery.served(inbox)).toEqual([utf8('the first')])
    clock.passDays(2)
    await outgoing.heard(nobody, () => true)
    expect(await delivery.served(inbox)).toEqual([])
    expect(await outstandingIn(place)).toEqual([0, 0])
    expect(store.sizeBytes).toBe(0)
  })

  test('is given up by a client that opens too late, or that sends another Welcome', async () => {
    const place = await setting()
    await send(place, utf8('the first'), [await place.keyPackage()])
    place.clock.passDays(91)
    const delivery = new HandDelivery()
    await OutgoingWelcomes.open({ ...place.context, store: place.store.copy(), delivery })
    expect(await delivery.served(place.inbox)).toEqual([])
    await send(place, utf8('the second'), [await place.keyPackage()])
    expect(await place.delivery.served(place.inbox)).toEqual([utf8('the second')])
  })

  test('has thirty days for a Welcome that a merge makes when the key package is past its time', async () => {
    const place = await setting()
    const old = await place.keyPackage()
    place.clock.passDays(100)
    await send(place, utf8('again'), [old])
    place.clock.passDays(29)
    await place.outgoing.heard(nobody, () => true)
    expect(await place.delivery.served(place.inbox)).toEqual([utf8('again')])
    place.clock.passDays(2)
    await place.outgoing.heard(nobody, () => true)
    expect(await place.delivery.served(place.inbox)).toEqual([])
  })

  test('keeps its inbox served while another Welcome for it is being written', async () => {
    const place = await setting()
    const { context, outgoing, delivery, inbox } = place
    const [first, second] = [await place.keyPackage(), await place.keyPackage()]
    await send(place, utf8('the first'), [first])
    const pending = await outgoing.prepare(utf8('the second'), epoch(2), [second])
    await outgoing.heard(instanceId(referenceOf(context.suite, first)), () => true)
    expect(await delivery.hand({ topic: inbox, message: utf8('of others') })).toBe('ignore')
    await context.store.write(pending.operations)
    pending.written()
    expect(await delivery.served(inbox)).toEqual([utf8('the second')])
  })

  test('is invited again after a delivery that could not serve its inbox', async () => {
    const place = await setting()
    const { context, inbox } = place
    const flaky = new FlakyDelivery()
    const outgoing = await OutgoingWelcomes.open({ ...context, delivery: flaky })
    const keyPackage = await place.keyPackage()
    await expect(outgoing.prepare(utf8('the first'), epoch(1), [keyPackage])).rejects.toThrow('the network is down')
    expect(await outstandingIn(place)).toEqual([0, 0])
    flaky.isDown = false
    await send({ ...place, outgoing }, utf8('the second'), [keyPackage])
    expect(await flaky.served(inbox)).toEqual([utf8('the second')])
  })

  test('does not keep the Welcome of one whom it shares the inbox with, in another epoch', async () => {
    const place = await setting()
    const [first, second] = [await place.keyPackage(), await place.keyPackage()]
    await send(place, utf8('the first'), [first], epoch(1))
    await send(place, utf8('the second'), [second], epoch(2))
    await place.outgoing.heard(instanceId(referenceOf(place.context.suite, first)), (into) => into === epoch(2))
    expect(await place.delivery.served(place.inbox)).toHaveLength(2)
    await place.outgoing.heard(instanceId(referenceOf(place.context.suite, first)), (into) => into === epoch(1))
    expect(await place.delivery.served(place.inbox)).toEqual([utf8('the second')])
  })
})
