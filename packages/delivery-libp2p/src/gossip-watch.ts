/**
 * Gossip keeps one stream to each peer and does not open it again: once it broke, for instance because a slow peer could
 * not take what was sent, two connected peers no longer gossip, and neither notices. Such a connection is hung up, so
 * that reconnecting builds everything anew.
 */
import type { PeerName } from '@dmls/client/ports'
import type { NodePort } from './node/node-port.ts'

/** A peer that gossiped may be without it this many looks in a row. */
const LOOKS_MAX = 2

export class GossipWatch {
  readonly #node: NodePort
  readonly #intervalMs: number
  /** Connected peers that gossiped, and how many looks they have been silent for. */
  readonly #silent = new Map<PeerName, number>()
  #timer: NodeJS.Timeout | undefined

  constructor(node: NodePort, intervalMs: number) {
    this.#node = node
    this.#intervalMs = intervalMs
  }

  start(): void {
    this.#timer = setInterval(() => this.#look(), this.#intervalMs)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const connected = new Set(this.#node.peers())
    for (const peer of this.#silent.keys()) if (!connected.has(peer)) this.#silent.delete(peer)
    const gossiping = new Set(this.#node.gossip.peers())
    for (const peer of gossiping) this.#silent.set(peer, 0)
    for (const [peer, looks] of this.#silent) {
      if (gossiping.has(peer)) continue
      this.#silent.set(peer, looks + 1)
      if (looks + 1 >= LOOKS_MAX) void this.#node.hangUp(peer).catch(() => undefined)
    }
  }
}
