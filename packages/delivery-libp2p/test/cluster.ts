/** Small networks of real nodes over TCP on this machine. */
import { hash } from 'node:crypto'
import { createLibp2pDelivery, type Libp2pDelivery, type Libp2pDeliveryOptions } from '../src/index.ts'

export function digest(message: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', message, 'buffer'))
}

/** Short waits, so that tests are quick. */
export const QUICK: Libp2pDeliveryOptions = { reconnectMs: { min: 100, max: 400 }, resyncMs: 1500 }

/** Nodes that all know the first one, and through the options each other if `mesh`. */
export async function startNodes(
  count: number,
  options: Libp2pDeliveryOptions = QUICK,
  create: (options: Libp2pDeliveryOptions) => Promise<Libp2pDelivery> = createLibp2pDelivery,
): Promise<readonly Libp2pDelivery[]> {
  const nodes: Libp2pDelivery[] = []
  for (let i = 0; i < count; i++) {
    const bootstrap = nodes.map((node) => node.multiaddrs()[0] as string)
    nodes.push(await create({ ...options, bootstrap }))
  }
  await until(() => nodes.every((node) => node.peers().length === count - 1))
  return nodes
}

export async function until(condition: () => boolean, timeoutMs = 10_000): Promise<void> {
  const start = Date.now()
  while (!condition()) {
    if (Date.now() - start > timeoutMs) throw new Error(`not within ${timeoutMs} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Admits to each node the peers of its own island only. */
export async function partition(
  nodes: readonly Libp2pDelivery[],
  islands: readonly (readonly number[])[],
): Promise<void> {
  await Promise.all(
    nodes.map((node, i) => {
      const island =
        islands.find((each) => each.includes(i)) ?? [...nodes.keys()].filter((j) => !islands.flat().includes(j))
      const names = new Set([...island].map((j) => (nodes[j] as Libp2pDelivery).name))
      return node.admit((peer) => names.has(peer))
    }),
  )
  await until(() => nodes.every((node, i) => node.peers().every((peer) => sameIsland(nodes, islands, i, peer))))
}

export async function heal(nodes: readonly Libp2pDelivery[]): Promise<void> {
  await Promise.all(nodes.map((node) => node.admit(undefined)))
}

function sameIsland(
  nodes: readonly Libp2pDelivery[],
  islands: readonly (readonly number[])[],
  i: number,
  peer: string,
): boolean {
  const j = nodes.findIndex(({ name }) => name === peer)
  const islandOf = (k: number): number => islands.findIndex((island) => island.includes(k))
  return islandOf(i) === islandOf(j)
}
