/**
 * What a node saw and did, as a witness outside of it remembers: it survives crashes of the node, and knows what no
 * single member can know.
 */
import type { GroupEvent, ReceivedMessage } from '@dmls/client'

/** A message that an application was given. */
export interface DeliveredMessage {
  readonly node: string
  /** Which process of the node it was, from 1. */
  readonly life: number
  /** Hexadecimal. */
  readonly id: string
  readonly text: string
  /** Hexadecimal identity of the sender. */
  readonly sender: string
  readonly epoch: string
  readonly branch: ReceivedMessage['branch']
}

/** What became of something that a node was told to do. `lost`: the node died before it was done. */
export type Outcome =
  | { readonly kind: 'done' }
  | { readonly kind: 'refused'; readonly code: string; readonly error: unknown }
  | { readonly kind: 'pending' }
  | { readonly kind: 'lost' }

export interface Attempt {
  readonly node: string
  readonly life: number
  readonly what: string
  outcome: Outcome
}

export interface SentText extends Attempt {
  readonly text: string
  /** Hexadecimal, once it is known. */
  id: string | undefined
  /** Its author was set back to a disk from before: if nobody had it by then, it is gone. */
  isForgotten: boolean
}

export interface ToldEvent {
  readonly node: string
  readonly life: number
  readonly event: GroupEvent
}

export class Observations {
  readonly delivered: DeliveredMessage[] = []
  readonly sent: SentText[] = []
  readonly attempts: Attempt[] = []
  /** All events but messages. */
  readonly events: ToldEvent[] = []
}
