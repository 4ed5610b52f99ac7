/** The Network of a member on libp2p: who may be connected is held in the transport, before any protocol of ours. */
import type { Libp2pDelivery, Libp2pDeliveryOptions } from '@dmls/delivery-libp2p'
import type { Network } from './network.ts'

export interface Libp2pNetworkOptions {
  /** Multiaddr to listen on. */
  readonly listen: string
  /** 32 bytes that the peer name comes from. Default: a new name each time. */
  readonly seed?: Uint8Array
  /** Peers to stay connected to, tried again and again. */
  readonly peers?: readonly string[]
  /** Nobody is let in before {@link Network.admit} says whom. */
  readonly isShut: boolean
}

export class Libp2pNetwork implements Network {
  readonly delivery: Libp2pDelivery

  private constructor(delivery: Libp2pDelivery) {
    this.delivery = delivery
  }

  /** Starts the transport. @throws DeliveryError `bad_address`, `delivery_failed` */
  static async open(
    { listen, seed, peers = [], isShut }: Libp2pNetworkOptions,
    createDelivery: (options: Libp2pDeliveryOptions) => Promise<Libp2pDelivery>,
  ): Promise<Libp2pNetwork> {
    const door = { isShut }
    const delivery = await createDelivery({
      listen: [listen],
      bootstrap: peers,
      allowConnection: () => !door.isShut,
      ...(seed === undefined ? {} : { seed }),
    })
    if (isShut) {
      // From the first moment on it is for `admit` to say who may come in.
      await delivery.admit(() => false)
      door.isShut = false
    }
    return new Libp2pNetwork(delivery)
  }

  get name(): string {
    return this.delivery.name
  }

  addresses(): readonly string[] {
    return this.delivery.multiaddrs()
  }

  peers(): readonly string[] {
    return [...this.delivery.peers()].sort()
  }

  async admit(peers: readonly string[] | undefined): Promise<void> {
    const admitted = peers === undefined ? undefined : new Set(peers)
    await this.delivery.admit(admitted === undefined ? undefined : (peer) => admitted.has(peer))
  }

  async dial(address: string): Promise<void> {
    await this.delivery.dial(address)
  }

  onPeersChanged(listener: () => void): () => void {
    return this.delivery.onPeer(listener)
  }
}
