/**
 * The layout of the store: every record of a group stands under one prefix, so that a group is read and deleted as a
 * range. Numbers in keys are big-endian, so that records come back in the order in which they were written.
 */
import { concatBytes, utf8 } from '@dmls/crypto'

const GROUP: Uint8Array = utf8('g/')
const TOPIC: Uint8Array = utf8('t/')
/** Bytes of the identifier of a message or Welcome: SHA-256. */
const IDENTIFIER_SIZE = 32

function sized(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(2 + bytes.length)
  out[0] = bytes.length >> 8
  out[1] = bytes.length
  out.set(bytes, 2)
  return out
}

/** Eight bytes, big-endian. */
export function sequenceKey(sequence: number): Uint8Array {
  const out = new Uint8Array(8)
  new DataView(out.buffer).setBigUint64(0, BigInt(sequence))
  return out
}

export function readSequence(bytes: Uint8Array): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0))
}

/** The kinds of record that a group has. */
export type GroupRecord =
  /** The group's own facts: our instance, counter, keys, status. */
  | 'meta'
  /** What messages do not change of one epoch, by its dmls_epoch. */
  | 'epoch'
  /** What starts the children of an epoch, likewise. */
  | 'initKey'
  /** A small subtree of an epoch's secret tree, by dmls_epoch and the index of its root. */
  | 'secretNode'
  /** One proposal that was sent in an epoch, by dmls_epoch and ProposalRef. */
  | 'proposal'
  /** The commit that began an epoch, as its author signed it, by dmls_epoch. */
  | 'commit'
  /** Public facts of one epoch, in the order of insertion. */
  | 'fact'
  /** The latest authenticated messages of some senders, in the order in which they were first heard. */
  | 'witness'
  /** Nodes of ratchet trees that were new together, in order. */
  | 'node'
  /** Key packages that commits added, in no particular order. */
  | 'keyPackage'
  /** A message not yet handed to the application, in order. */
  | 'inbox'
  /** A Welcome or message that waits for something, by its identifier. */
  | 'waiting'

const RECORD_TAGS: Readonly<Record<GroupRecord, string>> = {
  meta: '/a',
  epoch: '/e',
  initKey: '/b',
  secretNode: '/s',
  proposal: '/p',
  commit: '/c',
  fact: '/f',
  witness: '/w',
  node: '/n',
  keyPackage: '/k',
  inbox: '/i',
  waiting: '/q',
}

export function groupPrefix(groupId: Uint8Array): Uint8Array {
  return concatBytes(GROUP, sized(groupId))
}

export function groupRecordPrefix(groupId: Uint8Array, record: GroupRecord): Uint8Array {
  return concatBytes(groupPrefix(groupId), utf8(RECORD_TAGS[record]))
}

export function groupRecordKey(groupId: Uint8Array, record: GroupRecord, name: Uint8Array): Uint8Array {
  return concatBytes(groupRecordPrefix(groupId, record), name)
}

/** The groups that are stored: one empty record each, so that a client which opens finds them without reading them. */
export const GROUP_LIST_PREFIX: Uint8Array = utf8('l/')

export function groupListKey(groupId: Uint8Array): Uint8Array {
  return concatBytes(GROUP_LIST_PREFIX, groupId)
}

export function topicPrefix(topic: Uint8Array): Uint8Array {
  return concatBytes(TOPIC, sized(topic))
}

/** What the key of a message in a topic's log says of it, so that a log can be read without its messages. */
export interface TopicMessageName {
  readonly sequence: number
  /** SHA-256 of the message, 32 bytes. */
  readonly id: Uint8Array
  /** What the log's owner keeps beside it; may be empty. */
  readonly note: Uint8Array
}

export function topicMessageKey(topic: Uint8Array, { sequence, id, note }: TopicMessageName): Uint8Array {
  return concatBytes(topicPrefix(topic), sequenceKey(sequence), id, note)
}

/** Reads what follows the prefix of the topic in the key. */
export function readTopicMessageName(name: Uint8Array): TopicMessageName {
  const noteAt = 8 + IDENTIFIER_SIZE
  return { sequence: readSequence(name.slice(0, 8)), id: name.slice(8, noteAt), note: name.slice(noteAt) }
}

export const KEY_PACKAGE_PREFIX: Uint8Array = utf8('k/')

export function keyPackageKey(reference: Uint8Array): Uint8Array {
  return concatBytes(KEY_PACKAGE_PREFIX, reference)
}

/** The names of Welcomes that have done what they were for, in the order in which they did. */
export const SETTLED_PREFIX: Uint8Array = utf8('w/')

export function settledKey(sequence: number): Uint8Array {
  return concatBytes(SETTLED_PREFIX, sequenceKey(sequence))
}

/** Who may not have a Welcome yet, by the Welcome's identifier and the recipient's instance. */
export const OUTGOING_PREFIX: Uint8Array = utf8('o/')

export function outgoingKey(welcome: Uint8Array, instance: Uint8Array): Uint8Array {
  return concatBytes(OUTGOING_PREFIX, welcome, instance)
}

export function readOutgoingKey(key: Uint8Array): { readonly welcome: Uint8Array; readonly instance: Uint8Array } {
  const name = key.slice(OUTGOING_PREFIX.length)
  return { welcome: name.slice(0, IDENTIFIER_SIZE), instance: name.slice(IDENTIFIER_SIZE) }
}

/** The bytes of Welcomes that somebody may not have yet, by identifier. */
export const OUTGOING_WELCOME_PREFIX: Uint8Array = utf8('v/')

export function outgoingWelcomeKey(welcome: Uint8Array): Uint8Array {
  return concatBytes(OUTGOING_WELCOME_PREFIX, welcome)
}
