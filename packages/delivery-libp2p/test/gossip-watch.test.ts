import { message, Shelf } from '@dmls/client/contract/delivery'
import { expect, test } from 'vitest'
import { GossipWatch } from '../src/gossip-watch.ts'
import { createLibp2pDelivery, DEFAULT_LIMITS } from '../src/index.ts'
import { startLibp2pNode } from '../src/node/libp2p-node.ts'
import { digest, QUICK, until } from './cluster.ts'

test('a connection over which gossip has broken is hung up, and built anew', async () => {
  const alice = await createLibp2pDelivery(QUICK)
  const node = await startLibp2pNode({}, { isAllowed: () => true, score: () => 0, limits: DEFAULT_LIMITS })
  // A peer of which gossip has lost sight while it is connected.
  const isBroken = { now: false }
  const gossip = { ...node.gossip, peers: () => (isBroken.now ? [] : node.gossip.peers()) }
  const watch = new GossipWatch({ ...node, gossip }, 50)
  watch.start()
  const dial = () => node.dial([alice.multiaddrs()[0] as string], AbortSignal.timeout(2000))
  try {
    await dial()
    await until(() => node.gossip.peers().length === 1)
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(node.peers()).toEqual([alice.name])
    isBroken.now = true
    await until(() => node.peers().length === 0)
    isBroken.now = false
    await dial()
    const atAlice = new Shelf(digest)
    await alice.subscribe(message('group'), atAlice)
    await until(() => node.gossip.subscribers('dmls/1/67726f7570').length === 1)
    await node.gossip.publish('dmls/1/67726f7570', message('again'))
    await until(() => atAlice.texts.length === 1)
  } finally {
    watch.close()
    await Promise.all([alice.close(), node.stop()])
  }
})
