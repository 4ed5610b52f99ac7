/** Scenario 27 over real sockets: a node that speaks libp2p well and our protocol badly. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { message, Shelf } from '@dmls/client/contract/delivery'
import { toHex } from '@dmls/crypto'
import { afterEach, describe, expect, test } from 'vitest'
import { BACKFILL_PROTOCOL } from '../src/backfill/backfill.ts'
import type { ByteChannel } from '../src/backfill/byte-channel.ts'
import { FrameStream } from '../src/backfill/frame-stream.ts'
import type { ListedId, Summary } from '../src/backfill/frames.ts'
import { createLibp2pDelivery, DEFAULT_LIMITS, type Libp2pDelivery, type Libp2pDeliveryOptions } from '../src/index.ts'
import { startLibp2pNode } from '../src/node/libp2p-node.ts'
import type { NodePort } from '../src/node/node-port.ts'
import { digest, QUICK, until } from './cluster.ts'

const GROUP = message('group')
const GROUP_NAME = `dmls/1/${toHex(GROUP)}`
const forever = new AbortController().signal

describe('scenario 27: a hostile peer', () => {
  const stops: (() => Promise<void>)[] = []
  afterEach(async () => {
    await Promise.all(stops.splice(0).map((stop) => stop()))
  })

  async function honest(options: Libp2pDeliveryOptions = {}): Promise<Libp2pDelivery> {
    const node = await createLibp2pDelivery({ ...QUICK, ...options })
    stops.push(() => node.close())
    return node
  }

  /** A bare node that answers our protocol as it likes. */
  async function hostile(answer: (channel: ByteChannel) => void = () => undefined): Promise<NodePort> {
    const node = await startLibp2pNode({}, { isAllowed: () => true, score: () => 0, limits: DEFAULT_LIMITS })
    stops.push(() => node.stop())
    await node.handle(BACKFILL_PROTOCOL, answer)
    return node
  }

  async function connect(node: NodePort, to: Libp2pDelivery): Promise<void> {
    await node.dial([to.multiaddrs()[0] as string], AbortSignal.timeout(5000))
    await until(() => to.peers().includes(node.name))
  }

  test('random bytes do no harm, cost the peer its standing, and in the end its connection', async () => {
    const alice = await honest()
    const bob = await honest({ bootstrap: alice.multiaddrs() })
    const mallory = await hostile()
    await connect(mallory, alice)
    for (let i = 0; i < 12 && mallory.peers().length > 0; i++) {
      const channel = await mallory
        .open(alice.name, BACKFILL_PROTOCOL, AbortSignal.timeout(2000))
        .catch(() => undefined)
      await channel?.write(new Uint8Array(randomBytes(1 + i * 700)), AbortSignal.timeout(1000)).catch(() => undefined)
      await channel?.close()
      await sleep(20)
    }
    await until(() => alice.peerScore(mallory.name) < 0)
    await until(() => !alice.peers().includes(mallory.name))
    await expect(
      mallory
        .dial([alice.multiaddrs()[0] as string], AbortSignal.timeout(2000))
        .then(() => sleep(200))
        .then(() => alice.peers().includes(mallory.name)),
    )
      .resolves.toBe(false)
      .catch(() => undefined)
    expect(alice.peers()).not.toContain(mallory.name)

    const atAlice = new Shelf(digest)
    const atBob = new Shelf(digest)
    await alice.subscribe(GROUP, atAlice)
    await bob.subscribe(GROUP, atBob)
    await bob.publish(GROUP, atBob.hold(message('still here')))
    await until(() => atAlice.texts.includes('still here'))
    expect(alice.peerScore(bob.name)).toBe(0)
  })

  test('endless identifiers of messages that do not exist: memory and time stay small, and another peer is asked', async () => {
    let questions = 0
    const liar = async (channel: ByteChannel): Promise<void> => {
      const stream = new FrameStream(channel, 5000, forever)
      while (true) {
        const frame = await stream.next()
        if (frame.type === 'want') await stream.send({ type: 'done' })
        if (frame.type !== 'compare') continue
        questions++
        await stream.send({ type: 'answers', answers: frame.ranges.map(({ prefix }) => invent(prefix)) })
      }
    }
    const mallory = await hostile((channel) => void liar(channel).catch(() => undefined))
    mallory.gossip.join(GROUP_NAME, async () => 'accept')
    const bob = await honest()
    const atBob = new Shelf(digest)
    for (let i = 0; i < 50; i++) atBob.hold(message(`true ${i}`))
    await bob.subscribe(GROUP, atBob)

    const alice = await honest({ bootstrap: [...mallory.addresses(), ...bob.multiaddrs()] })
    await until(() => alice.peers().length === 2)
    await until(() => mallory.gossip.subscribers(GROUP_NAME).length === 0)
    const heapBefore = process.memoryUsage().heapUsed
    const atAlice = new Shelf(digest)
    await alice.subscribe(GROUP, atAlice)
    await until(() => atAlice.texts.length === 50)
    await until(() => alice.peerScore(mallory.name) < 0)
    expect(atAlice.received.every((text) => text.startsWith('true'))).toBe(true)
    expect(questions).toBeLessThan(2000)
    expect(process.memoryUsage().heapUsed - heapBefore).toBeLessThan(150 * 2 ** 20)
  })

  test('a peer that never answers is given up, and another peer is asked', async () => {
    const mallory = await hostile()
    mallory.gossip.join(GROUP_NAME, async () => 'accept')
    const bob = await honest()
    const atBob = new Shelf(digest)
    atBob.hold(message('true'))
    await bob.subscribe(GROUP, atBob)
    const alice = await honest({ bootstrap: [...mallory.addresses(), ...bob.multiaddrs()], limits: { idleMs: 300 } })
    await until(() => alice.peers().length === 2)
    const atAlice = new Shelf(digest)
    await alice.subscribe(GROUP, atAlice)
    await until(() => atAlice.texts.length === 1)
    await alice.backfill(GROUP)
    expect(alice.peerScore(mallory.name)).toBe(0)
  })

  test('announcing again and again makes nobody run', async () => {
    let sessions = 0
    const mallory = await hostile((channel) => {
      sessions++
      channel.abort(new Error('no'))
    })
    mallory.gossip.join(GROUP_NAME, async () => 'accept')
    const alice = await honest({ resyncMs: 60_000 })
    await alice.subscribe(GROUP, new Shelf(digest))
    await connect(mallory, alice)
    const start = Date.now()
    for (let i = 0; i < 200; i++) {
      const channel = await mallory
        .open(alice.name, BACKFILL_PROTOCOL, AbortSignal.timeout(2000))
        .catch(() => undefined)
      if (channel === undefined) break
      await new FrameStream(channel, 1000, forever).send({ type: 'poke', topic: GROUP_NAME })
      await channel.close()
    }
    // At most one for each of the shortest waits, however many announcements there were.
    expect(sessions).toBeLessThan(5 + (Date.now() - start) / 100)
  })

  test('a rejected message lowers the score of the peer that relayed it, an ignored one does not', async () => {
    const alice = await honest()
    const atAlice = new Shelf(digest)
    const verdicts = { junk: 'reject', later: 'ignore' } as const
    await alice.subscribe(GROUP, {
      receive: async (bytes) => verdicts[new TextDecoder().decode(bytes) as keyof typeof verdicts],
      held: () => atAlice.held(),
      load: (id) => atAlice.load(id),
    })
    const mallory = await hostile()
    await connect(mallory, alice)
    await until(() => mallory.gossip.subscribers(GROUP_NAME).length === 1)
    await mallory.gossip.publish(GROUP_NAME, message('later'))
    await sleep(100)
    expect(alice.peerScore(mallory.name)).toBe(0)
    await mallory.gossip.publish(GROUP_NAME, message('junk'))
    await until(() => alice.peerScore(mallory.name) <= -24)
  })
})

/** Claims a great many messages in every range, and lists made-up ones where ranges are small. */
function invent(prefix: readonly number[]): { kind: 'list'; ids: ListedId[] } | { kind: 'split'; parts: Summary[] } {
  if (prefix.length < 3) {
    const count = 60 * 16 ** (2 - prefix.length)
    return {
      kind: 'split',
      parts: Array.from({ length: 16 }, () => ({ count, fingerprint: new Uint8Array(randomBytes(16)) })),
    }
  }
  const ids = Array.from({ length: 60 }, (_, i) => {
    const id = new Uint8Array(randomBytes(32))
    id[0] = ((prefix[0] as number) << 4) | (prefix[1] as number)
    id[1] = ((prefix[2] as number) << 4) | (i >> 4)
    id[2] = i << 4
    return { id, position: i }
  })
  return { kind: 'list', ids }
}
