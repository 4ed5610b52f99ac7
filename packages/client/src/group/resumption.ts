/**
 * The first moments of a client that was opened again: it listens to what it may have said in a life that its store does
 * not know of, because the store may be an old one that was restored (scenario 16). Then it may speak.
 */
import type { ClientContext } from '../context.ts'

interface Group {
  readonly askPeers: () => Promise<void>
  /** Resolves when what has come so far is processed. */
  readonly idle: () => Promise<void>
}

export class Resumption {
  readonly #context: ClientContext
  readonly #group: Group
  #done: Promise<void> = Promise.resolve()
  #isDone = true
  #heard = 0
  #stopped = false

  constructor(context: ClientContext, group: Group) {
    this.#context = context
    this.#group = group
  }

  /** Resolves when we may speak. */
  get done(): Promise<void> {
    return this.#done
  }

  get isDone(): boolean {
    return this.#isDone
  }

  /** Something came from the network. */
  heard(): void {
    this.#heard += 1
  }

  begin(then: () => void): void {
    this.#isDone = false
    this.#done = this.#listen().then(() => {
      this.#isDone = true
      if (!this.#stopped) then()
    })
  }

  /** Until peers were asked and it is quiet, or for a while. */
  async #listen(): Promise<void> {
    const { clock, timing } = this.#context
    const pause = (durationMs: number): Promise<void> => new Promise((resolve) => clock.schedule(durationMs, resolve))
    const untilMs = clock.nowMs() + timing.resumeSyncMs
    await Promise.race([this.#group.askPeers().catch(() => undefined), pause(timing.resumeSyncMs)])
    for (let heard = -1; heard !== this.#heard && clock.nowMs() < untilMs && !this.#stopped; ) {
      heard = this.#heard
      await pause(timing.resumeQuietMs)
    }
    await this.#group.idle()
  }

  stop(): void {
    this.#stopped = true
  }
}
