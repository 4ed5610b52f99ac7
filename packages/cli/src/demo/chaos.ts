/** Kills members at random moments while the demonstration goes on: whoever comes back from its store carries on. */
import type { Actor } from './actor.ts'

const DELAY_MIN_MS = 50
const DELAY_MAX_MS = 1_500

export interface ChaosOptions {
  readonly kills: number
  /** Longest time between two of them. */
  readonly delayMaxMs?: number
  readonly random: (bound: number) => number
  readonly actors: () => readonly Actor[]
  readonly onKill: (actor: Actor) => void
}

export class Chaos {
  readonly #options: ChaosOptions
  readonly #killed: string[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(options: ChaosOptions) {
    this.#options = options
    this.#schedule()
  }

  /** Who was killed so far, in order. */
  get killed(): readonly string[] {
    return this.#killed
  }

  end(): void {
    clearTimeout(this.#timer)
  }

  #schedule(): void {
    const { kills, random, delayMaxMs = DELAY_MAX_MS } = this.#options
    if (this.#killed.length >= kills) return
    this.#timer = setTimeout(
      () => {
        this.#killSomebody()
        this.#schedule()
      },
      DELAY_MIN_MS + random(delayMaxMs - DELAY_MIN_MS),
    )
  }

  #killSomebody(): void {
    const { random, actors, onKill } = this.#options
    const running = actors().filter(({ pid }) => pid !== undefined)
    const victim = running[random(Math.max(1, running.length))]
    if (victim === undefined) return
    this.#killed.push(victim.name)
    onKill(victim)
    void victim.kill()
  }
}
