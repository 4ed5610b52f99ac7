/**
 * Deleting what the group's policy no longer keeps (protocol §8): secrets of epochs, subtrees of their ratchet trees,
 * messages that nobody can use, and our own key packages once no Welcome can lead anywhere new with them.
 */
import {
  type DmlsEpoch,
  type DmlsGroupState,
  keyPackageBytesOf,
  policyAt,
  type RetentionPolicy,
  rejoinRequestOf,
  retire,
} from '@dmls/dmls'
import type { KeyPackage } from '@dmls/mls'
import type { ClientContext } from '../context.ts'
import { requestShelf } from './group-message.ts'
import type { MessageLedger, Pending } from './message-ledger.ts'
import type { RunningState } from './running-state.ts'

/** The store of our own key packages. */
export interface KeyPackageStore {
  release(
    groupId: Uint8Array,
    canStillFork: (epoch: DmlsEpoch) => boolean,
    mayReturnWith: (keyPackage: KeyPackage) => boolean,
  ): Pending
}

interface Parts {
  readonly context: ClientContext
  readonly running: RunningState
  readonly ledger: MessageLedger
  readonly keyPackages: KeyPackageStore
}

export class Forgetting {
  readonly #parts: Parts
  /** The retention policy of an epoch that was the head. */
  #policy: { readonly head: DmlsEpoch; readonly retention: RetentionPolicy } | undefined
  /** Bytes of the key packages that each epoch brought. They come with it, and go only in a step of ours. */
  readonly #invited = new Map<DmlsEpoch, number>()

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Whether the caps of the group's policy are exceeded: nobody may grow our state until the next look at it. */
  get isOverCaps(): boolean {
    const { running, ledger } = this.#parts
    const { epochs } = running.current
    const { epochsMax, sizeMaxBytes } = this.#retention(running.current)
    if (epochs.size > epochsMax || ledger.sizeBytes > sizeMaxBytes) return true
    let sizeBytes = 0
    for (const epoch of epochs.keys()) sizeBytes += this.#sizeOf(running.current, epoch)
    return sizeBytes > sizeMaxBytes
  }

  /** Bytes of an epoch's records and of the key packages that it brought. */
  #sizeOf(state: DmlsGroupState, epoch: DmlsEpoch): number {
    let invited = this.#invited.get(epoch)
    if (invited === undefined) {
      invited = keyPackageBytesOf(state, epoch)
      this.#invited.set(epoch, invited)
    }
    return this.#parts.running.records.sizeOf(epoch) + invited
  }

  #retention(state: DmlsGroupState): RetentionPolicy {
    if (this.#policy?.head !== state.head) {
      this.#policy = { head: state.head, retention: policyAt(state, state.head).retention }
    }
    return this.#policy.retention
  }

  /** One step of deletion. True if secrets went, so that the store has something to forget. */
  async run(): Promise<boolean> {
    const { context, running, ledger, keyPackages } = this.#parts
    const { records } = running
    const nowMs = context.clock.nowMs()
    const before = running.current
    const step = retire(before, { nowMs, sizeOf: (epoch) => this.#sizeOf(before, epoch) })
    const after = step?.state ?? running.current
    const released = keyPackages.release(
      after.groupId,
      (epoch) => after.epochs.get(epoch)?.stage === 'open',
      // a request that was taken back may still be honoured, as long as we are the instance that made it
      (keyPackage) => rejoinRequestOf(keyPackage, after.groupId)?.instance === after.self,
    )
    const { sizeMaxBytes } = this.#retention(after)
    const unneeded = ledger.shrink([...(step?.changes.dropped ?? []), ...this.#answered(after)], sizeMaxBytes)
    if (step === undefined) {
      const operations = [...released.operations, ...unneeded.operations]
      if (operations.length === 0) return false
      await running.write({
        operations,
        written: () => {
          released.written()
          unneeded.written()
        },
      })
      return released.operations.length > 0
    }
    await running.apply(step, records.sweep(step.state), unneeded, released)
    step.wipe()
    for (const epoch of step.changes.dropped) this.#invited.delete(epoch)
    if (step.changes.keyPackages.length > 0) this.#invited.clear()
    return true
  }

  /** Requests of members that are back, or out. */
  #answered(state: DmlsGroupState): string[] {
    const shelves = this.#parts.ledger.requests()
    if (shelves.length === 0) return []
    const present = new Set([...state.dag.roster(state.head).keys()].map(requestShelf))
    return shelves.filter((shelf) => !present.has(shelf))
  }
}
