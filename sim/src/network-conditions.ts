/** What the simulated network does to messages, and who can reach whom. */
import type { PeerName } from '@dmls/client'

export interface LinkQuality {
  /** A message takes between these, evenly. */
  readonly latencyMs: readonly [min: number, max: number]
  /** Probability that a published message, or an attempt to fetch, is lost. */
  readonly loss: number
  /** Probability that a message comes twice. */
  readonly duplication: number
  /** Probability that a message is held up for much longer than others, so that later ones overtake it. */
  readonly delay: number
  /** How long it is held up then, at most. */
  readonly delayMaxMs: number
}

export const GOOD_LINK: LinkQuality = { latencyMs: [5, 50], loss: 0, duplication: 0, delay: 0, delayMaxMs: 0 }

/** Loses a third, doubles a tenth and holds up a fifth. */
export const BAD_LINK: LinkQuality = {
  latencyMs: [5, 500],
  loss: 0.33,
  duplication: 0.1,
  delay: 0.2,
  delayMaxMs: 5000,
}

export class NetworkConditions {
  #quality: LinkQuality
  readonly #links = new Map<string, LinkQuality>()
  #islands = new Map<PeerName, number>()

  constructor(quality: LinkQuality) {
    this.#quality = quality
  }

  /** From now on, of all links that have none of their own. */
  setQuality(quality: LinkQuality): void {
    this.#quality = quality
  }

  /** Of one direction; undefined gives the link back to the rest. */
  setLink(from: PeerName, to: PeerName, quality: LinkQuality | undefined): void {
    if (quality === undefined) this.#links.delete(`${from}>${to}`)
    else this.#links.set(`${from}>${to}`, quality)
  }

  quality(from: PeerName, to: PeerName): LinkQuality {
    return this.#links.get(`${from}>${to}`) ?? this.#quality
  }

  /** Cuts the network: only peers of one island reach each other. Whoever is not named is on an island of the rest. */
  setIslands(islands: readonly (readonly PeerName[])[]): void {
    this.#islands = new Map(islands.flatMap((island, i) => island.map((name) => [name, i + 1] as const)))
  }

  areLinked(a: PeerName, b: PeerName): boolean {
    return a !== b && this.#islands.get(a) === this.#islands.get(b)
  }
}
