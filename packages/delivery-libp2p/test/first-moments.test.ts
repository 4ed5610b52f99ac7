/**
 * The first moments of a connection, when gossip knows its peers by half, and peers that have much to compare at once.
 * Comparisons that come by themselves are a minute apart here, so that nothing is healed by waiting.
 */

import { message, Shelf } from '@dmls/client/contract/delivery'
import type { Verdict } from '@dmls/client/ports'
import { afterEach, describe, expect, test } from 'vitest'
import type { Libp2pDelivery, Libp2pDeliveryOptions } from '../src/index.ts'
import { createDeliveryOn } from '../src/libp2p-delivery.ts'
import { startLibp2pNode } from '../src/node/libp2p-node.ts'
import type { Gossip, NodePort } from '../src/node/node-port.ts'
import { digest, until } from './cluster.ts'
import { type Line, startLine } from './line.ts'

const GROUP = message('group')
const ONCE_A_MINUTE: Libp2pDeliveryOptions = { resyncMs: 60_000 }
/** Soon, on a busy machine; the comparison that nobody asked for would come 45 seconds later. */
const SOON_MS = 3000

describe('the first moments of a connection', () => {
  const ends: (() => Promise<unknown>)[] = []
  afterEach(async () => {
    await Promise.all(ends.splice(0).map((end) => end()))
  })

  async function start(change: (node: NodePort) => NodePort = (node) => node, options = ONCE_A_MINUTE) {
    const node = await createDeliveryOn(async (given, hooks) => change(await startLibp2pNode(given, hooks)), options)
    ends.push(() => node.close())
    return node
  }

  async function shelfOf(node: Libp2pDelivery, past: readonly string[] = []): Promise<Shelf> {
    const shelf = new Shelf(digest)
    for (const text of past) shelf.hold(message(text))
    await node.subscribe(GROUP, shelf)
    return shelf
  }

  async function connect(from: Libp2pDelivery, to: Libp2pDelivery): Promise<void> {
    await from.dial(to.multiaddrs()[0] as string)
  }

  test('while a stalled peer holds up what gossip has to say, messages pass both ways', async () => {
    // Gossipsub opens its streams one after the other: bob cannot tell alice of his topics before charlie answers.
    let line: Line | undefined
    let told = 0
    const bob = await start((node) => {
      // Once where it was dialled, and once when it has said who it is: only then gossip opens its stream.
      node.onPeer(({ type }) => type === 'addresses' && ++told === 2 && line?.freeze())
      return node
    })
    const charlie = await start()
    line = await startLine(Number(/tcp\/(\d+)/.exec(charlie.multiaddrs()[0] as string)?.[1]))
    ends.push(async () => line?.close())
    const alice = await start()
    const [atAlice, atBob] = [await shelfOf(alice, ['past']), await shelfOf(bob)]

    await bob.dial(`/ip4/127.0.0.1/tcp/${line.port}/p2p/${charlie.name}`)
    await until(() => line?.isFrozen === true)
    await connect(bob, alice)
    await until(() => atBob.texts.length === 1)
    expect(alice.topicPeers(GROUP)).toEqual([])
    await alice.publish(GROUP, atAlice.hold(message('from alice')))
    await until(() => atBob.texts.includes('from alice'), SOON_MS)
    await bob.publish(GROUP, atBob.hold(message('from bob')))
    await until(() => atAlice.texts.includes('from bob'), SOON_MS)
    expect(alice.topicPeers(GROUP)).toEqual([])
  })

  test('what alice hears from others while gossip is taking bob in reaches him', async () => {
    const heard: ((text: string) => Promise<Verdict>)[] = []
    const alice = await start((node) => ({ ...node, gossip: listenedTo(node.gossip, heard) }))
    const bob = await start()
    const [, atBob] = [await shelfOf(alice, ['past']), await shelfOf(bob)]
    await connect(bob, alice)
    await until(() => atBob.texts.length === 1 && alice.topicPeers(GROUP).length === 1)
    // As if gossip had handed it over and not passed it on.
    expect(await heard[0]?.('from charlie')).toBe('accept')
    await until(() => atBob.texts.includes('from charlie'), SOON_MS)
  })

  test('what is published to an inbox of which nobody knows yet whose it is finds its owner', async () => {
    const [alice, bob] = [await start(), await start()]
    await alice.publish(GROUP, message('a Welcome'))
    const atBob = await shelfOf(bob)
    await connect(alice, bob)
    await until(() => atBob.texts.includes('a Welcome'), SOON_MS)
  })

  test('thirty topics with one peer are compared at once', async () => {
    const [alice, bob] = [await start(), await start()]
    const shelves = await topicsOf(30, alice, bob)
    await connect(bob, alice)
    await until(() => shelves.every(({ texts }) => texts.length === 1), SOON_MS)
  })

  test('a peer that is too busy is asked again', async () => {
    const alice = await start(undefined, { ...ONCE_A_MINUTE, limits: { servedPerPeerMax: 1 } })
    const bob = await start(undefined, { ...ONCE_A_MINUTE, limits: { sessionsPerPeerMax: 2 } })
    const shelves = await topicsOf(4, alice, bob)
    await connect(bob, alice)
    await until(() => shelves.every(({ texts }) => texts.length === 1), 10_000)
  })

  test('a large message is fetched at once also after comparisons that found nothing', async () => {
    const [alice, bob] = [await start(), await start()]
    const [atAlice, atBob] = [await shelfOf(alice), await shelfOf(bob)]
    await connect(bob, alice)
    await until(() => bob.topicPeers(GROUP).length === 1 && alice.topicPeers(GROUP).length === 1)
    for (let i = 0; i < 20; i++) await bob.backfill(GROUP)
    await alice.publish(GROUP, atAlice.hold(new Uint8Array(700_000)))
    await until(() => atBob.texts.length === 1, SOON_MS)
  })
})

/** So many topics with a past at alice; what bob has of each. */
async function topicsOf(count: number, alice: Libp2pDelivery, bob: Libp2pDelivery): Promise<readonly Shelf[]> {
  return Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const [atAlice, atBob] = [new Shelf(digest), new Shelf(digest)]
      atAlice.hold(message(`past ${i}`))
      await alice.subscribe(message(`topic ${i}`), atAlice)
      await bob.subscribe(message(`topic ${i}`), atBob)
      return atBob
    }),
  )
}

/** Gossip whose validators can be called by a test. */
function listenedTo(gossip: Gossip, heard: ((text: string) => Promise<Verdict>)[]): Gossip {
  return {
    ...gossip,
    join(topic, validate) {
      heard.push((text) => validate(message(text), 'charlie'))
      gossip.join(topic, validate)
    },
  }
}
