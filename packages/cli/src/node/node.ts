/**
 * A client with its store and its network: the one place where the command says which parts a member is made of.
 */
import { type DmlsClient, loadOrCreateIdentity, openClient } from '@dmls/client'
import { nodeProvider } from '@dmls/crypto/node'
import { createLibp2pDelivery } from '@dmls/delivery-libp2p'
import { openLevelStore } from '@dmls/store-level'
import { Libp2pNetwork } from './libp2p-network.ts'
import type { Network } from './network.ts'
import { type DeliveryObserver, observeDelivery } from './observed-delivery.ts'

export interface NodeOptions {
  /** Made if it is not there. */
  readonly storeFolder: string
  /** Multiaddr to listen on. */
  readonly listen: string
  /** 32 bytes that the peer name comes from. Default: a new name each time. */
  readonly seed?: Uint8Array
  /** Peers to stay connected to, tried again and again. */
  readonly peers?: readonly string[]
  /** Lets no peer in before {@link Network.admit} says whom. */
  readonly isShut?: boolean
  readonly observer?: DeliveryObserver
  /** Ignores what arrives. */
  readonly isDeaf?: boolean
}

export interface Node {
  readonly client: DmlsClient
  readonly network: Network
  /** Closes all of it, in order. */
  close(): Promise<void>
}

/** Opens the store, then the network, then the client. @throws StoreError, and what listening throws */
export async function openNode(options: NodeOptions): Promise<Node> {
  const { storeFolder, listen, seed, peers, isShut = false, observer, isDeaf = false } = options
  const closers: (() => Promise<void>)[] = []
  const close = async (): Promise<void> => {
    for (let closer = closers.pop(); closer !== undefined; closer = closers.pop()) await closer()
  }
  try {
    const store = await openLevelStore(storeFolder)
    closers.push(() => store.close())
    const network = await Libp2pNetwork.open(
      { listen, isShut, ...(peers === undefined ? {} : { peers }), ...(seed === undefined ? {} : { seed }) },
      createLibp2pDelivery,
    )
    closers.push(() => network.delivery.close())
    const delivery = observer === undefined ? network.delivery : observeDelivery(network.delivery, observer, { isDeaf })
    const identity = await loadOrCreateIdentity(store, nodeProvider)
    const client = await openClient({ provider: nodeProvider, store, delivery, identity })
    closers.push(() => client.close())
    return { client, network, close }
  } catch (error) {
    await close()
    throw error
  }
}
