/**
 * What a group does by itself: it merges forks, removes who asked to leave, brings back who cannot follow, and heals.
 * Everybody who could do it is ranked, and rank r waits r times the rank delay, so that usually one member does it and
 * the others see it done (protocol §7.3).
 */
import { toHex } from '@dmls/crypto'
import {
  type CommitRequest,
  type DmlsGroupState,
  handoversFor,
  isKnownTo,
  mayRemove,
  needsHealing,
  nextCommit,
  openHeads,
  rankMergers,
  returningMembers,
} from '@dmls/dmls'
import { MlsError } from '@dmls/mls'
import type { GroupEvent } from '../api.ts'
import type { ClientContext } from '../context.ts'
import type { Timer } from '../ports.ts'

interface Group {
  readonly state: () => DmlsGroupState
  /** Commits what `request` answers when its turn comes, or nothing. */
  readonly commit: (request: () => CommitRequest | undefined) => Promise<void>
  readonly report: (event: GroupEvent) => void
  /** Deletes what the group's policy no longer keeps. */
  readonly retire: () => Promise<void>
}

/** Something to do, and after how many others. */
interface Duty {
  /** Names the situation: the same situation keeps its timer. */
  readonly key: string
  readonly rank: number
  readonly request: CommitRequest
}

/** The longest wait is 2 to this power times the first one. */
const PATIENCE_MAX = 8

export class Maintenance {
  readonly #context: ClientContext
  readonly #group: Group
  #due: { readonly key: string; readonly timer: Timer } | undefined
  /** The situation in which our last commits failed, and how many in a row. */
  #failed: { readonly key: string; readonly times: number } = { key: '', times: 0 }
  #fork: { readonly sinceMs: number; readonly timer: Timer } | undefined
  #retirement: Timer | undefined
  #stopped = false

  constructor(context: ClientContext, group: Group) {
    this.#context = context
    this.#group = group
  }

  /** Looks at the state again, after it changed. */
  reconsider(): void {
    if (this.#stopped) return
    this.#watchFork()
    this.#scheduleRetirement()
    const duty = dutyOf(this.#group.state(), this.#context)
    if (duty?.key === this.#due?.key) return
    this.#due?.timer.cancel()
    this.#due = undefined
    if (duty === undefined) return
    const { mergeQuiescenceMs, mergeRankDelayMs } = this.#context.timing
    // what fails again and again is tried less and less often
    const patience = this.#failed.key === duty.key ? 2 ** Math.min(this.#failed.times, PATIENCE_MAX) : 1
    const timer = this.#context.clock.schedule(mergeQuiescenceMs * patience + duty.rank * mergeRankDelayMs, () => {
      this.#due = undefined
      this.#act(duty.key)
    })
    this.#due = { key: duty.key, timer }
  }

  #act(key: string): void {
    this.#group
      .commit(() => dutyOf(this.#group.state(), this.#context)?.request)
      .then(
        () => this.#noteFailures('', 0),
        () => this.#noteFailures(key, this.#failed.key === key ? this.#failed.times + 1 : 1),
      )
      .finally(() => this.#retryLater())
  }

  #noteFailures(key: string, times: number): void {
    this.#failed = { key, times }
  }

  /** A commit that failed is tried again: the situation may be as it was. */
  #retryLater(): void {
    if (this.#stopped || this.#due !== undefined) return
    this.reconsider()
  }

  /** Deletion follows the changes at a distance, so that a burst of them is one look at the epochs. */
  #scheduleRetirement(): void {
    if (this.#retirement !== undefined) return
    this.#retirement = this.#context.clock.schedule(this.#context.timing.retentionIntervalMs, () => {
      this.#retirement = undefined
      this.#group
        .retire()
        .catch(() => undefined)
        .finally(() => {
          // time alone ends epochs too
          if (!this.#stopped && this.#group.state().epochs.size > 1) this.#scheduleRetirement()
        })
    })
  }

  #watchFork(): void {
    const heads = openHeads(this.#group.state())
    if (heads.length < 2) {
      this.#fork?.timer.cancel()
      this.#fork = undefined
      return
    }
    if (this.#fork !== undefined) return
    const sinceMs = this.#context.clock.nowMs()
    const timer = this.#context.clock.schedule(this.#context.timing.forkOpenTooLongMs, () => {
      const open = openHeads(this.#group.state())
      this.#group.report({ type: 'forkOpenTooLong', heads: open, openMs: this.#context.clock.nowMs() - sinceMs })
    })
    this.#fork = { sinceMs, timer }
  }

  stop(): void {
    this.#stopped = true
    this.#due?.timer.cancel()
    this.#fork?.timer.cancel()
    this.#retirement?.cancel()
  }
}

/** What this member should do now, if anything. */
function dutyOf(state: DmlsGroupState, context: ClientContext): Duty | undefined {
  if (state.removal !== undefined || state.isLost) return undefined
  try {
    return mergeDuty(state) ?? leaveDuty(state, context) ?? returnDuty(state) ?? healDuty(state)
  } catch (error) {
    if (error instanceof MlsError) return undefined
    throw error
  }
}

function mergeDuty(state: DmlsGroupState): Duty | undefined {
  const { plan } = nextCommit(state)
  // protocol §7.2: a fork whose plan is empty is absorbed by the next ordinary commit, unless somebody has to be told
  if (plan === undefined || (plan.empty && handoversFor(state.dag, plan).length === 0)) return undefined
  const rank = rankMergers(state.dag, plan, (bytes) => state.suite.hash(bytes)).indexOf(state.self)
  return rank < 0 ? undefined : { key: `merge ${plan.base} ${plan.resolves.join(' ')}`, rank, request: {} }
}

function leaveDuty(state: DmlsGroupState, context: ClientContext): Duty | undefined {
  const roster = state.dag.roster(state.head)
  if (state.leaving.has(state.self)) return undefined
  // where the policy does not let us, it is left to those who may
  const leaving = [...state.leaving].filter((each) => roster.has(each) && mayRemove(state, [each], context)).sort()
  if (leaving.length === 0) return undefined
  const rank = rankOf(state, leaving.join(' '))
  return { key: `leave ${state.head} ${leaving.join(' ')}`, rank, request: { remove: leaving } }
}

/** Whoever asked to come back is replaced by its new instance (protocol §8). */
function returnDuty(state: DmlsGroupState): Duty | undefined {
  const returning = returningMembers(state)
  if (returning.length === 0) return undefined
  const situation = returning.map(({ instance }) => instance).join(' ')
  const remove = returning.map(({ instance }) => instance)
  const add = returning.map(({ keyPackage }) => keyPackage)
  // an answer of somebody whom it does not know is no answer
  const behindAll = add.every((keyPackage) => isKnownTo(state, keyPackage)) ? 0 : state.dag.roster(state.head).size
  const rank = placeOf(state, situation) + behindAll
  return { key: `return ${state.head} ${situation}`, rank, request: { remove, add } }
}

function healDuty(state: DmlsGroupState): Duty | undefined {
  if (!needsHealing(state.dag, state.head, state.self)) return undefined
  return { key: `heal ${state.head}`, rank: rankOf(state, 'heal'), request: {} }
}

/** How many members of the chosen epoch come before us. O(members): for what must not be done twice. */
function placeOf(state: DmlsGroupState, situation: string): number {
  const key = (instance: string): string =>
    toHex(state.suite.hash(new TextEncoder().encode(`${situation} ${state.head} ${instance}`)))
  const own = key(state.self)
  return [...state.dag.roster(state.head).keys()].filter((instance) => key(instance) < own).length
}

/** How many members of the chosen epoch come before us, at most: a spread, not an order that all must agree on. */
function rankOf(state: DmlsGroupState, situation: string): number {
  const digest = state.suite.hash(new TextEncoder().encode(`${situation} ${state.head} ${state.self}`))
  const members = state.dag.roster(state.head).size
  return (((digest[0] as number) << 8) | (digest[1] as number)) % Math.max(1, members)
}
