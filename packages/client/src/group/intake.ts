/**
 * What arrives for a group: recognised, processed in the epoch that it names, or kept until that epoch is here. The one
 * place where exceptions become verdicts: `reject` only what every honest peer would refuse whatever its view.
 */
import { toHex } from '@dmls/crypto'
import {
  type DmlsMessage,
  decodeDmlsMessage,
  dmlsEpoch,
  isDispute,
  isLostBranch,
  type Received,
  receiveMessage,
} from '@dmls/dmls'
import { type KeyPackage, MlsError, messageHeader } from '@dmls/mls'
import type { GroupEvent } from '../api.ts'
import type { ClientContext } from '../context.ts'
import { StoreError, type Verdict } from '../ports.ts'
import { type GroupMessage, readGroupMessage } from './group-message.ts'
import type { MessageInbox } from './message-inbox.ts'
import type { MessageLedger, Origin } from './message-ledger.ts'
import type { RunningState } from './running-state.ts'

export type ReceivedStep = Exclude<Received, { readonly kind: 'own' }>

interface Parts {
  readonly context: ClientContext
  readonly running: RunningState
  readonly ledger: MessageLedger
  readonly inbox: MessageInbox
  readonly tell: (events: readonly GroupEvent[]) => void
  /** Called when a received step has been applied, with the state before it. */
  readonly applied: (received: ReceivedStep, before: RunningState['current']) => Promise<void>
  /** Takes somebody's request to be brought back. */
  readonly requested: (bytes: Uint8Array, keyPackage: KeyPackage) => Promise<Verdict>
  /** Called when a message misses an epoch, or is of one that is deleted. */
  readonly missed: (epoch: string) => void
}

export class Intake {
  readonly #parts: Parts

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Takes a message from the network. Never throws, whatever a peer sends or our disk does. */
  async receive(bytes: Uint8Array): Promise<Verdict> {
    try {
      return await this.#receive(bytes)
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      // nothing was written, so nothing happened: a peer can bring it again
      this.#parts.tell([diskRefusal(error)])
      return 'ignore'
    }
  }

  async #receive(bytes: Uint8Array): Promise<Verdict> {
    const { ledger, context } = this.#parts
    const id = ledger.id(bytes)
    if (ledger.knows(id)) return 'ignore'
    if (bytes.length > context.limits.messageSizeMax) return 'reject'
    const read = this.#read(bytes)
    if (read === undefined) return 'reject'
    if (read.kind === 'request' && bytes.length > context.limits.requestSizeMax) return 'reject'
    if (read.kind === 'request') return this.#parts.requested(bytes, read.keyPackage)
    const { message } = read
    if (ledger.isProcessed(message) || this.#isBeforeUs(message)) {
      await this.#write(ledger.refuse(id))
      return 'ignore'
    }
    return this.#process(bytes, message)
  }

  /** Processes what waited for an epoch, and what waited for the epochs that this brings. */
  async retry(epoch: string): Promise<void> {
    const ready = [epoch]
    for (let next = ready.shift(); next !== undefined; next = ready.shift()) {
      ready.push(...(await this.#tryWaiting(next, () => true)))
    }
  }

  /** Tries again what is of an epoch that is here and waits for another: it may have to do without that one now. */
  async reconsider(): Promise<void> {
    const { ledger, running } = this.#parts
    const isHere = (message: DmlsMessage): boolean => running.current.dag.has(dmlsEpoch(message.dmlsEpoch))
    for (const awaited of ledger.awaited()) {
      for (const brought of await this.#tryWaiting(awaited, isHere)) await this.retry(brought)
    }
  }

  /** Tries what waits for an epoch and is chosen; returns the epochs that this brings. */
  async #tryWaiting(epoch: string, isChosen: (message: DmlsMessage) => boolean): Promise<string[]> {
    const { ledger } = this.#parts
    const brought: string[] = []
    const taken = ledger.takeWaiting(epoch)
    for (const [i, each] of taken.entries()) {
      try {
        const bytes = await ledger.load(each.id)
        if (bytes === undefined) continue
        const message = decodeDmlsMessage(bytes)
        if (!isChosen(message)) {
          ledger.putBack([each])
          continue
        }
        const outcome = await this.#tryOne(bytes, message)
        if (typeof outcome === 'object') brought.push(outcome.epoch)
      } catch (error) {
        // the disk refused: what was not processed goes on waiting
        ledger.putBack(taken.slice(i))
        throw error
      }
    }
    return brought
  }

  /** Whether a message is of an epoch from before we joined on any branch: it will never be of use to us. */
  #isBeforeUs(message: DmlsMessage): boolean {
    const { dag } = this.#parts.running.current
    const epoch = messageHeader(message.message)?.epoch ?? 0n
    return dag.roots().every((root) => epoch < (dag.get(root)?.epoch ?? 0n))
  }

  #read(bytes: Uint8Array): GroupMessage | undefined {
    try {
      const read = readGroupMessage(bytes)
      if (read.kind === 'request') return read
      const header = messageHeader(read.message.message)
      const isOurs = header !== undefined && toHex(header.groupId) === toHex(this.#parts.running.current.groupId)
      return isOurs ? read : undefined
    } catch (error) {
      if (error instanceof MlsError) return undefined
      throw error
    }
  }

  async #process(bytes: Uint8Array, message: DmlsMessage): Promise<Verdict> {
    const outcome = await this.#tryOne(bytes, message)
    if (outcome === 'unused') return 'ignore'
    if (typeof outcome === 'object') await this.retry(outcome.epoch)
    return 'accept'
  }

  /** Processes one message; returns the epoch that it brought, or that it brought a proposal to. */
  async #tryOne(bytes: Uint8Array, message: DmlsMessage): Promise<'used' | 'unused' | { readonly epoch: string }> {
    const { running, ledger, context } = this.#parts
    const before = running.current
    const watch = context.receiving(before.groupId)
    let received: Received
    try {
      received = await receiveMessage(before, message, { ...running.services(), ...watch })
    } catch (error) {
      // ended, not refused: what waited still does when the client is opened again, the rest is fetched again
      if (watch.signal?.aborted === true) return 'unused'
      await this.#refuse(bytes, message, error)
      return 'unused'
    }
    if (received.kind === 'own') {
      await this.#write(ledger.refuse(ledger.id(bytes)))
      return 'unused'
    }
    await running.apply(received, ledger.process([bytes], originOf(received)), this.#delivery(message, received))
    await this.#parts.applied(received, before)
    return received.kind === 'commit' || received.kind === 'proposal' ? { epoch: received.epoch } : 'used'
  }

  /** Application content goes to the inbox in the batch that consumes its key. */
  #delivery(message: DmlsMessage, received: ReceivedStep): ReturnType<MessageInbox['append']> {
    if (received.kind !== 'application' || received.content.kind !== 'application') {
      return { operations: [], written: () => undefined }
    }
    const id = this.#parts.ledger.messageId(message)
    const { sender, epoch, content } = received
    return this.#parts.inbox.append({ id, sender, epoch, data: content.data })
  }

  async #refuse(bytes: Uint8Array, message: DmlsMessage, error: unknown): Promise<void> {
    const { ledger, running, tell } = this.#parts
    const awaited = error instanceof MlsError && error.blame === 'missing' ? error.fields.epoch : undefined
    if (typeof awaited === 'string') {
      await this.#write(ledger.wait(bytes, awaited))
      if (!running.current.dag.has(dmlsEpoch(awaited))) {
        tell([{ type: 'unknownEpoch', dmlsEpoch: awaited, waiting: ledger.waitingFor(awaited) }])
      }
      this.#parts.missed(awaited)
      return
    }
    const disputed = isDispute(error) ? dmlsEpoch(message.dmlsEpoch) : undefined
    const ofRemoved = error instanceof MlsError && error.code === 'sender_removed'
    await this.#write(ledger.refuse(ledger.id(bytes), { disputed, ofRemoved }))
    tell([refusalEvent(error)])
    const late = error instanceof MlsError && error.code === 'beyond_horizon' ? error.fields.epoch : undefined
    if (typeof late === 'string' && isLostBranch(running.current, dmlsEpoch(late))) this.#parts.missed(late)
  }

  async #write(pending: ReturnType<MessageLedger['refuse']>): Promise<void> {
    if (pending.operations.length > 0) await this.#parts.context.store.write(pending.operations)
    pending.written()
  }
}

/** A proposal is put down to the epoch's proposers as one: their number there is bounded anyway. */
function originOf(received: ReceivedStep): Origin {
  switch (received.kind) {
    case 'application':
      return { kind: 'other', author: received.sender }
    case 'commit':
      return { kind: 'commit', author: received.committer }
    case 'removed':
      return { kind: 'commit', author: received.by }
    default:
      return { kind: 'other', author: received.kind }
  }
}

/** What the application is told when its disk refused. */
export function diskRefusal({ code, message }: StoreError): GroupEvent {
  return { type: 'refused', code, reason: message, sender: undefined }
}

function refusalEvent(error: unknown): GroupEvent {
  if (!(error instanceof MlsError)) {
    return { type: 'refused', code: 'open_failed', reason: 'the message could not be opened', sender: undefined }
  }
  if (error.code === 'beyond_horizon') return { type: 'beyondHorizon', dmlsEpoch: String(error.fields.epoch) }
  return { type: 'refused', code: error.code, reason: error.message, sender: undefined }
}
