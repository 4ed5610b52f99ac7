/** The adapter on libp2p 2 and `@chainsafe/libp2p-gossipsub`, the predecessor of `@libp2p/gossipsub`. */
import { describeDelivery, message, Shelf } from '@dmls/client/contract/delivery'
import { expect, test } from 'vitest'
import { createLibp2pDelivery, type Libp2pDelivery } from '../../src/index.ts'
import { createDeliveryOn } from '../../src/libp2p-delivery.ts'
import { digest, heal, partition, QUICK, startNodes, until } from '../cluster.ts'
import { startLibp2p2Node } from './node.ts'

const start = (options = QUICK): Promise<Libp2pDelivery> => createDeliveryOn(startLibp2p2Node, options)

describeDelivery('on libp2p 2 with the gossipsub before', {
  digest,
  patienceMs: 10_000,
  quietMs: 300,
  create: async (members) => {
    const nodes = await startNodes(members, QUICK, start)
    return {
      deliveries: nodes,
      partition: (islands) => partition(nodes, islands),
      heal: () => heal(nodes),
      cleanUp: async () => {
        await Promise.all(nodes.map((node) => node.close()))
      },
    }
  },
})

test('a node of libp2p 2 and one of libp2p 3 hear each other', async () => {
  const [alice, bob] = [await start({ ...QUICK, resyncMs: 60_000 }), await createLibp2pDelivery({ resyncMs: 60_000 })]
  try {
    const [atAlice, atBob] = [new Shelf(digest), new Shelf(digest)]
    atAlice.hold(message('past of alice'))
    atBob.hold(message('past of bob'))
    await alice.subscribe(message('group'), atAlice)
    await bob.subscribe(message('group'), atBob)
    await bob.dial(alice.multiaddrs()[0] as string)
    await until(() => atAlice.texts.length === 2 && atBob.texts.length === 2)
    await alice.publish(message('group'), atAlice.hold(message('from alice')))
    await bob.publish(message('group'), atBob.hold(message('from bob')))
    await alice.publish(message('group'), atAlice.hold(new Uint8Array(2_000_000)))
    await until(() => atAlice.texts.length === 5 && atBob.texts.length === 5)
    expect(atAlice.texts).toEqual(atBob.texts)
  } finally {
    await Promise.all([alice.close(), bob.close()])
  }
})
