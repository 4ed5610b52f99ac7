import { hash } from 'node:crypto'
import { describeDelivery, message, Shelf } from '@dmls/client/contract/delivery'
import { describe, expect, test } from 'vitest'
import { EventQueue, START_MS } from '../src/event-queue.ts'
import { GOOD_LINK, type LinkQuality } from '../src/network-conditions.ts'
import { SeededRandom } from '../src/seeded-random.ts'
import { SimNetwork } from '../src/sim-network.ts'
import { Trace } from '../src/trace.ts'

const digest = (bytes: Uint8Array) => new Uint8Array(hash('sha256', bytes, 'buffer'))
const topic = message('topic')

function createNetwork(quality: LinkQuality = GOOD_LINK, seed = 1) {
  const queue = new EventQueue()
  const trace = new Trace({ hash: digest, nowMs: () => queue.nowMs, startMs: START_MS })
  const network = new SimNetwork({ queue, trace, digest, quality, random: new SeededRandom(seed) })
  return { queue, trace, network }
}

describeDelivery('simulated', {
  digest,
  patienceMs: 3000,
  quietMs: 10,
  create: async (members) => {
    const { queue, network } = createNetwork()
    let running = true
    // virtual time flies while the tests wait in real time
    const run = async (): Promise<void> => {
      while (running) {
        await new Promise((resolve) => setTimeout(resolve, 1))
        await queue.runFor(100)
      }
    }
    void run()
    const names = Array.from({ length: members }, (_, i) => `node ${i}`)
    return {
      deliveries: names.map((name) => network.attach(name)),
      partition: async (islands) => network.partition(islands.map((island) => island.map((i) => names[i] as string))),
      heal: async () => network.heal(),
      cleanUp: async () => {
        running = false
      },
    }
  },
})

/** Alice publishes a hundred messages to bob over a link; what bob got by gossip and what he has in the end. */
async function hundredMessages(quality: LinkQuality, seed = 1) {
  const { queue, trace, network } = createNetwork(quality, seed)
  const [atAlice, atBob] = [new Shelf(digest), new Shelf(digest)]
  const alice = network.attach('alice')
  await alice.subscribe(topic, atAlice)
  await network.attach('bob').subscribe(topic, atBob)
  await queue.runFor(1000)
  for (let i = 0; i < 100; i++) await alice.publish(topic, atAlice.hold(message(`message ${i}`)))
  await queue.runFor(1000)
  const gossiped = [...atBob.received]
  network.conditions.setQuality(GOOD_LINK)
  await queue.runFor(60_000)
  return { gossiped, atBob, differences: await network.differences(), trace: trace.hash() }
}

describe('a simulated network', () => {
  test('loses messages, and brings them by backfill later', async () => {
    const { gossiped, atBob, differences } = await hundredMessages({ ...GOOD_LINK, loss: 0.5 })
    expect(gossiped.length).toBeGreaterThan(30)
    expect(gossiped.length).toBeLessThan(70)
    expect(atBob.texts.length).toBe(100)
    expect(differences).toEqual([])
  })

  test('doubles messages', async () => {
    const { gossiped } = await hundredMessages({ ...GOOD_LINK, duplication: 0.5 })
    expect(gossiped.length).toBeGreaterThan(130)
    expect(new Set(gossiped).size).toBe(100)
  })

  test('lets messages overtake each other', async () => {
    const { gossiped } = await hundredMessages({ ...GOOD_LINK, delay: 0.3, delayMaxMs: 500 })
    expect(gossiped.length).toBe(100)
    expect(gossiped).not.toEqual(gossiped.toSorted((a, b) => Number(a.slice(8)) - Number(b.slice(8))))
  })

  test('does the same again for the same seed, and something else for another', async () => {
    const bad = { ...GOOD_LINK, loss: 0.3, duplication: 0.3, delay: 0.3, delayMaxMs: 500 }
    const first = await hundredMessages(bad, 5)
    expect((await hundredMessages(bad, 5)).trace).toBe(first.trace)
    expect((await hundredMessages(bad, 6)).trace).not.toBe(first.trace)
  })

  test('drops what is on its way when the network is cut or the receiver dies', async () => {
    const { queue, network } = createNetwork()
    const shelves = { bob: new Shelf(digest), charlie: new Shelf(digest), dora: new Shelf(digest) }
    const alice = network.attach('alice')
    for (const [name, shelf] of Object.entries(shelves)) await network.attach(name).subscribe(topic, shelf)
    await alice.publish(topic, message('hello'))
    network.partition([['bob']])
    network.detach('charlie')
    await queue.runFor(1000)
    expect(shelves.bob.received).toEqual([])
    expect(shelves.charlie.received).toEqual([])
    expect(shelves.dora.received).toEqual(['hello'])
  })

  test('a peer that dies while it is asked holds nobody up: the others are asked', async () => {
    const { queue, network } = createNetwork()
    const atBob = new Shelf(digest)
    const held = message('hello')
    await network.attach('dead').subscribe(topic, {
      receive: async () => 'ignore',
      held: async function* () {
        yield digest(held)
      },
      load: () => new Promise(() => undefined),
    })
    await network.attach('bob').subscribe(topic, atBob)
    await queue.runFor(20_000)
    expect(atBob.texts).toEqual([])
    network.detach('dead')
    const atAlice = new Shelf(digest)
    atAlice.hold(held)
    await network.attach('alice').subscribe(topic, atAlice)
    await queue.runFor(20_000)
    expect(atBob.texts).toEqual(['hello'])
  })

  test('says who still lacks something', async () => {
    const { queue, network } = createNetwork()
    const [atAlice, atBob] = [new Shelf(digest), new Shelf(digest)]
    await network.attach('alice').subscribe(topic, atAlice)
    await network.attach('bob').subscribe(topic, atBob)
    atAlice.hold(message('hello'))
    expect(await network.differences()).toHaveLength(1)
    await queue.runFor(20_000)
    expect(await network.differences()).toEqual([])
  })

  test('carries what a hostile node injects, to whom it wants', async () => {
    const { queue, network } = createNetwork()
    const [atAlice, atBob] = [new Shelf(digest), new Shelf(digest)]
    await network.attach('alice').subscribe(topic, atAlice)
    await network.attach('bob').subscribe(topic, atBob)
    const seen: string[] = []
    network.tap(({ from, message: bytes }) => seen.push(`${from}: ${new TextDecoder().decode(bytes)}`))
    network.inject('mallory', topic, message('psst'), ['bob'])
    await queue.runFor(100)
    expect(atBob.received).toEqual(['psst'])
    expect(atAlice.received).toEqual([])
    expect(seen).toEqual(['mallory: psst'])
  })
})
