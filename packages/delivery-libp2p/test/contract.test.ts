import { describeDelivery } from '@dmls/client/contract/delivery'
import { digest, heal, partition, startNodes } from './cluster.ts'

describeDelivery('on libp2p over TCP', {
  digest,
  patienceMs: 10_000,
  quietMs: 300,
  create: async (members) => {
    const nodes = await startNodes(members)
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
