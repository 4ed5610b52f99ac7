import { message, Shelf } from '@dmls/client/contract/delivery'
import { afterEach, describe, expect, test } from 'vitest'
import { createLibp2pDelivery, type Libp2pDelivery, type Libp2pDeliveryOptions, openMailbox } from '../src/index.ts'
import { digest, QUICK, until } from './cluster.ts'

const GROUP = message('group')

describe('a mailbox', () => {
  const nodes: Libp2pDelivery[] = []
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.close()))
  })

  async function start(options: Libp2pDeliveryOptions = {}): Promise<Libp2pDelivery> {
    const node = await createLibp2pDelivery({ ...QUICK, ...options })
    nodes.push(node)
    return node
  }

  test('joins peers that only meet it, and keeps a message for an owner who comes when the sender is gone', async () => {
    const post = await start()
    const mailbox = openMailbox(post)
    const bootstrap = post.multiaddrs()
    const alice = await start({ bootstrap, allowConnection: (peer) => peer === post.name })
    const bob = await start({ bootstrap, allowConnection: (peer) => peer === post.name })
    const atAlice = new Shelf(digest)
    const atBob = new Shelf(digest)
    await alice.subscribe(GROUP, atAlice)
    await bob.subscribe(GROUP, atBob)
    await alice.publish(GROUP, atAlice.hold(message('hello')))
    await bob.publish(GROUP, atBob.hold(new Uint8Array(1_000_000)))
    await until(() => atBob.texts.length === 2 && atAlice.texts.length === 2)

    const inbox = message('inbox of charlie')
    const pending = new Shelf(digest)
    await alice.subscribe(inbox, pending)
    await alice.publish(inbox, pending.hold(message('welcome')))
    await until(() => mailbox.usage.messages === 3)
    await alice.close()
    const charlie = await start({ bootstrap })
    const atCharlie = new Shelf(digest)
    await charlie.subscribe(inbox, atCharlie)
    await until(() => atCharlie.texts[0] === 'welcome')
    await mailbox.close()
    expect(mailbox.usage.topics).toBe(0)
  })

  test('holds no more than it was told to, and passes on nothing that it was told to refuse', async () => {
    const post = await start()
    const mailbox = openMailbox(post, {
      topicsMax: 2,
      topicBytesMax: 1000,
      bytesMax: 1500,
      judge: (bytes) => (bytes[0] === 0x21 ? 'reject' : 'accept'),
    })
    const alice = await start({ bootstrap: post.multiaddrs() })
    for (const name of ['one', 'two', 'three']) {
      const shelf = new Shelf(digest)
      await alice.subscribe(message(name), shelf)
      await until(() => post.topicPeers(message(name)).length === 1)
      for (let i = 0; i < 20; i++) await alice.publish(message(name), shelf.hold(new Uint8Array(100).fill(0x40 + i)))
      await alice.backfill(message(name))
    }
    await until(() => mailbox.usage.sizeBytes === 1500)
    expect(mailbox.usage).toEqual({ topics: 2, messages: 15, sizeBytes: 1500 })
    await alice.publish(message('three'), message('!junk'))
    await until(() => post.peerScore(alice.name) < 0)
    expect(mailbox.usage.messages).toBe(15)
  })
})
