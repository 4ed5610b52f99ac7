/**
 * Telling the application what happened: outside of the steps, in order, so that a handler may call the group. Messages
 * come from the inbox, so that none is lost when the process dies before its handler is done.
 */
import type { DmlsEpoch, DmlsGroupState } from '@dmls/dmls'
import type { GroupEvent, ReceivedMessage } from '../api.ts'
import { Listeners } from '../listeners.ts'
import { SerialQueue } from '../serial-queue.ts'
import { memberOf } from './members.ts'
import type { InboxMessage, MessageInbox } from './message-inbox.ts'

export class Announcer {
  readonly #inbox: MessageInbox
  readonly #state: () => DmlsGroupState
  readonly #queue = new SerialQueue()
  readonly #listeners = new Listeners<GroupEvent>()

  constructor(inbox: MessageInbox, state: () => DmlsGroupState) {
    this.#inbox = inbox
    this.#state = state
  }

  /** Adds a listener, hands it what waits in the inbox, and returns a function that removes it. */
  add(listener: (event: GroupEvent) => void | Promise<void>): () => void {
    const remove = this.#listeners.add(listener)
    this.deliver()
    return remove
  }

  tell(events: readonly GroupEvent[]): void {
    for (const event of events) this.#inTurn(() => this.#listeners.emit(event))
  }

  /** Hands over the messages of the inbox. One whose handler fails stays there and is tried again with the next. */
  deliver(): void {
    if (this.#listeners.size === 0) return
    this.#inTurn(() =>
      this.#inbox.drain(async (entry) => {
        const message = this.#messageOf(entry)
        if (message !== undefined) await this.#listeners.emit({ type: 'message', message })
      }),
    )
  }

  /** A failure of a handler is the application's own. */
  #inTurn(task: () => Promise<void>): void {
    this.#queue.run(task).catch(() => undefined)
  }

  #messageOf({ id, sender: instance, epoch, data }: InboxMessage): ReceivedMessage | undefined {
    const state = this.#state()
    const sender = memberOf(state, instance, epoch)
    if (sender === undefined) return undefined
    return { id, groupId: state.groupId, sender, data, dmlsEpoch: epoch, branch: branchOf(state, epoch) }
  }

  async idle(): Promise<void> {
    await this.#queue.idle()
  }
}

function branchOf({ dag, head }: DmlsGroupState, epoch: DmlsEpoch): ReceivedMessage['branch'] {
  if (epoch === head || dag.isAncestor(epoch, head)) return 'chosen'
  return dag.precedes(epoch, head) ? 'merged' : 'losing'
}
