/**
 * What a group does about messages of epochs that it does not know: it asks peers, says so when that does not help, and
 * asks to be brought back (protocol §7, §8). Anybody can name an epoch that does not exist, so all of this is bounded: a
 * few questions for each new name, and one report and one request for all that came together.
 */
import type { GroupEvent } from '../api.ts'
import type { ClientContext } from '../context.ts'
import type { Timer } from '../ports.ts'

interface Group {
  /** Epochs that something waits for. */
  readonly awaited: () => readonly string[]
  /** Whether others may go on from an epoch that we have forgotten. */
  readonly isLost: (epoch: string) => boolean
  /** Asks the peers for what is missing. */
  readonly askPeers: () => Promise<void>
  readonly report: (event: GroupEvent) => void
  /** Nobody could help: others are where we cannot follow. */
  readonly cannotFollow: () => void
  /** Nor has what was done about it helped. */
  readonly stillCannotFollow: () => void
  /** Nothing is missing any more. */
  readonly caughtUp: () => void
}

/** Each question to the peers comes twice as long after the one before. */
const QUESTIONS_MAX = 6

export class Pursuit {
  readonly #context: ClientContext
  readonly #group: Group
  /** When each epoch was first missed. */
  readonly #since = new Map<string, number>()
  /** Epochs that were given up. */
  readonly #given = new Set<string>()
  #question: Timer | undefined
  #verdict: Timer | undefined
  #insistence: Timer | undefined
  #questions = 0
  #stopped = false

  constructor(context: ClientContext, group: Group) {
    this.#context = context
    this.#group = group
  }

  /** Something waits for an epoch, or an epoch that others go on from is beyond our horizon. */
  misses(epoch: string): void {
    if (this.#stopped || this.#since.has(epoch) || this.#given.has(epoch)) return
    this.#since.set(epoch, this.#context.clock.nowMs())
    this.#questions = 0
    this.#schedule()
  }

  /** Looks again, after an epoch came. */
  reconsider(): void {
    if (this.#since.size === 0) return
    const awaited = new Set(this.#group.awaited())
    for (const epoch of [...this.#since.keys()]) {
      if (!awaited.has(epoch) && !this.#group.isLost(epoch)) this.#since.delete(epoch)
    }
    if (this.#since.size > 0) return
    this.#cancel()
    this.#group.caughtUp()
  }

  /** We are somewhere else now: what was missed there is no matter here, unless somebody goes on naming it. */
  forget(): void {
    this.#since.clear()
    this.#cancel()
  }

  #schedule(): void {
    const { clock, timing } = this.#context
    this.#question ??= clock.schedule(timing.askPeersDelayMs * 2 ** this.#questions, () => void this.#ask())
    this.#verdict ??= clock.schedule(timing.cannotFollowAfterMs, () => this.#giveUp())
  }

  async #ask(): Promise<void> {
    this.#questions += 1
    await this.#group.askPeers().catch(() => undefined)
    this.#question = undefined
    this.reconsider()
    if (!this.#stopped && this.#since.size > 0 && this.#questions < QUESTIONS_MAX) this.#schedule()
  }

  #giveUp(): void {
    this.#verdict = undefined
    this.reconsider()
    const nowMs = this.#context.clock.nowMs()
    const { cannotFollowAfterMs } = this.#context.timing
    const late = [...this.#since].filter(([, sinceMs]) => nowMs - sinceMs >= cannotFollowAfterMs / 2)
    if (late.length > 0) {
      for (const [epoch] of late) {
        this.#since.delete(epoch)
        this.#given.add(epoch)
      }
      const sinceMs = Math.min(...late.map(([, since]) => since))
      this.#group.report({ type: 'cannotFollow', epochs: late.map(([epoch]) => epoch), missingMs: nowMs - sinceMs })
      this.#group.cannotFollow()
      this.#insistence ??= this.#context.clock.schedule(cannotFollowAfterMs, () => {
        this.#insistence = undefined
        this.#group.stillCannotFollow()
      })
    }
    if (this.#since.size > 0) this.#schedule()
  }

  #cancel(): void {
    this.#question?.cancel()
    this.#verdict?.cancel()
    this.#insistence?.cancel()
    this.#question = undefined
    this.#verdict = undefined
    this.#insistence = undefined
  }

  stop(): void {
    this.#stopped = true
    this.#cancel()
  }
}
