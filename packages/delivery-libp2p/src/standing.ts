/**
 * How we think of our peers: points against each, which fade. They lower the peer's score in gossipsub (its P5, the
 * application's own), and at {@link BAN_POINTS} the peer is cut off for a while. Only what no honest peer does counts:
 * being slow, away or behind is nobody's fault.
 */
import type { PeerName } from '@dmls/client/ports'

export const BAN_POINTS = 100
const BAN_MS = 600_000
const HALF_LIFE_MS = 300_000
const FORGOTTEN_POINTS = 0.5
const PEERS_MAX = 4096

interface Record {
  points: number
  atMs: number
  bannedUntilMs: number
}

export class Standing {
  readonly #records = new Map<PeerName, Record>()
  readonly #nowMs: () => number

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  /** Zero, or below zero for a peer that misbehaved. */
  score(peer: PeerName): number {
    const record = this.#records.get(peer)
    return record === undefined ? 0 : -this.#fade(record)
  }

  /** Whether the peer is cut off now. */
  isBanned(peer: PeerName): boolean {
    return (this.#records.get(peer)?.bannedUntilMs ?? 0) > this.#nowMs()
  }

  /** Returns true if that was too much. */
  blame(peer: PeerName, points: number): boolean {
    const nowMs = this.#nowMs()
    const record = this.#records.get(peer) ?? { points: 0, atMs: nowMs, bannedUntilMs: 0 }
    record.points = this.#fade(record) + points
    record.atMs = nowMs
    if (record.points >= BAN_POINTS) record.bannedUntilMs = nowMs + BAN_MS
    this.#records.delete(peer)
    this.#records.set(peer, record)
    if (this.#records.size > PEERS_MAX) this.#forgetOldest()
    return record.bannedUntilMs > nowMs
  }

  #fade({ points, atMs }: Record): number {
    const left = points * 0.5 ** ((this.#nowMs() - atMs) / HALF_LIFE_MS)
    return left < FORGOTTEN_POINTS ? 0 : left
  }

  #forgetOldest(): void {
    for (const peer of this.#records.keys()) {
      this.#records.delete(peer)
      return
    }
  }
}
