/**
 * What somebody hostile on the network does with messages that it has seen. It has no member's keys; members that play
 * against the rules are made by hand where a test needs one.
 */
import { fromHex } from '@dmls/crypto'
import { type DmlsMessage, decodeDmlsMessage, encodeDmlsMessage } from '@dmls/dmls'
import { MlsError } from '@dmls/mls'
import type { World } from './world.ts'

/** `replay`: as it was, at another time. `flip`: one bit is wrong. `rename`: the header names another epoch. */
export type Tampering = 'replay' | 'flip' | 'rename'

export interface MaliciousMove {
  /** Whose place on the network it comes from. */
  readonly who: number
  /** Which of all messages that ever passed. */
  readonly message: number
  readonly how: Tampering
  /** Which bit, or the epoch of which other message. */
  readonly at: number
}

/** Sends everybody in reach a message that was tampered with. Nothing happens if there is none. */
export function tamper(world: World, { who, message, how, at }: MaliciousMove): void {
  const { messages } = world.traffic
  const { running } = world
  const chosen = messages[message % messages.length]
  const place = running[who % running.length]
  if (chosen === undefined || place === undefined) return
  const bytes = how === 'rename' ? renamed(chosen.bytes, messages[at % messages.length]?.bytes) : chosen.bytes.slice()
  if (bytes === undefined) return
  if (how === 'flip') bytes[(at >> 3) % bytes.length] = (bytes[(at >> 3) % bytes.length] as number) ^ (1 << (at & 7))
  world.network.inject(place.name, fromHex(chosen.topic), bytes)
}

function renamed(bytes: Uint8Array, other: Uint8Array | undefined): Uint8Array | undefined {
  const message = read(bytes)
  const dmlsEpoch = other && read(other)?.dmlsEpoch
  return message && dmlsEpoch && encodeDmlsMessage({ message: message.message, dmlsEpoch })
}

/** Undefined for a Welcome, a key package, or somebody's nonsense. */
function read(bytes: Uint8Array): DmlsMessage | undefined {
  try {
    return decodeDmlsMessage(bytes)
  } catch (error) {
    if (error instanceof MlsError) return undefined
    throw error
  }
}
