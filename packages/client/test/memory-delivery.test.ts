import { hash } from 'node:crypto'
import { MemoryHub } from '../src/memory-delivery.ts'
import type { PeerName } from '../src/ports.ts'
import { describeDelivery } from './contract/delivery-contract.ts'

const digest = (message: Uint8Array) => new Uint8Array(hash('sha256', message, 'buffer'))

describeDelivery('in memory', {
  digest,
  patienceMs: 2000,
  quietMs: 10,
  create: async (members) => {
    const hub = new MemoryHub(digest)
    const names: PeerName[] = Array.from({ length: members }, (_, i) => `member ${i}`)
    return {
      deliveries: names.map((name) => hub.join(name)),
      partition: async (islands) => {
        await hub.settle()
        hub.partition(islands.map((island) => island.map((i) => names[i] as PeerName)))
      },
      heal: async () => hub.heal(),
      cleanUp: () => hub.settle(),
    }
  },
})
