/**
 * Telling peers that there is something new: one at a time for each peer, which answers few streams at once, and once
 * for a topic however much of it is new.
 */
import type { PeerName } from '@dmls/client/ports'

export class Pokes {
  readonly #poke: (topic: string, peer: PeerName) => Promise<void>
  /** Topics that a peer is to be told of; a peer that stands here is being told. */
  readonly #waiting = new Map<PeerName, Set<string>>()

  /** `poke` tells one peer of one topic; never rejects. */
  constructor(poke: (topic: string, peer: PeerName) => Promise<void>) {
    this.#poke = poke
  }

  send(topic: string, peer: PeerName): void {
    const waiting = this.#waiting.get(peer)
    if (waiting !== undefined) {
      waiting.add(topic)
      return
    }
    const topics = new Set([topic])
    this.#waiting.set(peer, topics)
    void this.#tell(peer, topics)
  }

  /** The peer is gone: what it was to be told is forgotten. */
  drop(peer: PeerName): void {
    this.#waiting.get(peer)?.clear()
    this.#waiting.delete(peer)
  }

  async #tell(peer: PeerName, topics: Set<string>): Promise<void> {
    for (const topic of topics) {
      topics.delete(topic)
      await this.#poke(topic, peer)
    }
    if (this.#waiting.get(peer) === topics) this.#waiting.delete(peer)
  }
}
