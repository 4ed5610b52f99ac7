/** What a command sees of the network below its client: who is connected, who may be, and how to reach others. */

export interface Network {
  /** Name of this process among its peers. */
  readonly name: string
  /** Where others can dial this process: multiaddrs. */
  addresses(): readonly string[]
  /** Names of the connected peers, sorted. */
  peers(): readonly string[]
  /**
   * From now on only these peers are let in or dialled, and connections to others are closed: a cut is made of this.
   * With undefined everybody is welcome.
   */
  admit(peers: readonly string[] | undefined): Promise<void>
  /** Connects to a peer. @throws if it cannot be reached or refuses */
  dial(address: string): Promise<void>
  /** Calls back when a peer has come or gone; returns a function that stops. */
  onPeersChanged(listener: () => void): () => void
}
