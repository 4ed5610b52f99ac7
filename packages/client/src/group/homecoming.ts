/**
 * Coming back, and bringing back (protocol §8): a member that cannot follow any more, or whose state went on elsewhere,
 * asks on the group's topic to be replaced by a new instance of itself. Its request is a bare KeyPackage; whoever can
 * judge it notes it, and `maintenance.ts` sees to it that one of them acts.
 */
import {
  askToRejoin,
  type InstanceId,
  type Invitation,
  noteRejoin,
  type RejoinReason,
  rejoinExtension,
  rejoinRequestOf,
  stopAsking,
} from '@dmls/dmls'
import { type Extension, type KeyPackage, MlsError, mlsMessageBytes } from '@dmls/mls'
import type { GroupEvent } from '../api.ts'
import type { Verdict } from '../ports.ts'
import { requestShelf } from './group-message.ts'
import type { MessageLedger } from './message-ledger.ts'
import type { RunningState } from './running-state.ts'

/** Makes key packages that nobody else is offered. */
export interface ReturnKeys {
  /** A fresh one, stored, for coming back to a group. */
  createForReturn(groupId: Uint8Array, extensions: readonly Extension[]): Promise<KeyPackage>
}

interface Parts {
  readonly running: RunningState
  readonly ledger: MessageLedger
  readonly keys: ReturnKeys
  readonly publish: (messages: readonly Uint8Array[]) => Promise<void>
  readonly tell: (events: readonly GroupEvent[]) => void
  /** Welcomes into this group that wait, the latest last. */
  readonly invitations: () => readonly Invitation[]
  /** Called when a request was noted. */
  readonly noted: () => void
}

/** Of Welcomes that were not followed, so many are asked about. */
const INVITATIONS_MAX = 4

/** Honest requests that others have to judge, or that nobody needs to honour. */
const NOT_FOR_US: ReadonlySet<string> = new Set(['rejoin_needless', 'rejoin_unrelated'])

export class Homecoming {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Asks to be brought back. Runs as one of the group's steps. */
  ask(reason: RejoinReason): Promise<void> {
    return this.#ask(reason, this.#parts.running.current.self, [])
  }

  /**
   * Asks also as whom we were invited by Welcomes that we did not follow, if the first request did not help: the others
   * may know us as another instance, or from other epochs. Runs as one of the group's steps.
   */
  async askAsInvited(): Promise<void> {
    const { asked, dag } = this.#parts.running.current
    if (asked !== 'out_of_reach') return
    const unknown = this.#parts.invitations().filter(({ epoch }) => !dag.has(epoch))
    const invitations = unknown.slice(-INVITATIONS_MAX)
    const instances = new Set(invitations.map(({ instance }) => instance))
    for (const instance of instances) await this.#ask(asked, instance, invitations)
  }

  async #ask(reason: RejoinReason, instance: InstanceId, invitations: readonly Invitation[]): Promise<void> {
    const { running, ledger, keys, publish } = this.#parts
    const { groupId, self } = running.current
    const request = rejoinExtension(running.current, reason, { instance, invitations, disputed: ledger.disputed() })
    const keyPackage = await keys.createForReturn(groupId, [request])
    const message = mlsMessageBytes({ wireFormat: 'mls_key_package', keyPackage })
    await running.apply(askToRejoin(running.current, keyPackage), ledger.file(message, requestShelf(self)))
    await publish([message])
  }

  /** Takes the request back: nothing is missing any more. What was published may still be honoured, and followed. */
  async stopAsking(): Promise<void> {
    const { running, ledger } = this.#parts
    const { asked, self } = running.current
    if (asked === undefined || asked === 'state_lost') return
    await running.apply(stopAsking(running.current), ledger.forgetEpochs([requestShelf(self)]))
  }

  /** Takes the request of another from the network. Never throws for what a peer can send. */
  async hear(message: Uint8Array, keyPackage: KeyPackage): Promise<Verdict> {
    const { running, ledger, tell, noted } = this.#parts
    const state = running.current
    const request = rejoinRequestOf(keyPackage, state.groupId)
    if (request === undefined) return 'reject'
    // an older one of the same member makes room
    const shelf = requestShelf(request.instance)
    try {
      const step = await noteRejoin(state, keyPackage, running.services())
      await running.apply(step, ledger.forgetEpochs([shelf]), ledger.file(message, shelf))
    } catch (error) {
      if (!(error instanceof MlsError)) throw error
      await running.write(ledger.refuse(ledger.id(message)))
      if (!NOT_FOR_US.has(error.code)) {
        tell([{ type: 'refused', code: error.code, reason: error.message, sender: undefined }])
      }
      return 'ignore'
    }
    noted()
    return 'accept'
  }
}
