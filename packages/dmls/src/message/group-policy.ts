/**
 * What a group agrees on beyond RFC 9420, as a GroupContext extension (`dmls_policy`), and what a newcomer needs beside
 * the ratchet tree, as a GroupInfo extension (`dmls_roster`). Both have types of the private-use range.
 *
 * A policy that this version does not know is refused, never guessed at (scenario 29): members that apply different
 * rules would part for good.
 */
import { fromHex, toHex } from '@dmls/crypto'
import { decodeWhole, encodeWhole, invalid, malformed, type Reader, type Writer } from '@dmls/mls'
import type { InstanceId } from '../dag/identifiers.ts'
import type { ForkChoicePolicy } from '../fork-choice/fork-choice-policy.ts'
import type { AdminPolicy } from '../reconcile/admin.ts'
import { DEFAULT_RETENTION, type RetentionPolicy } from '../retention/retention-policy.ts'
import { readInstanceId, writeIdentifier } from './identifier-codec.ts'
import { readRetentionPolicy, writeRetentionPolicy } from './retention-codec.ts'

/** GroupContext extension, private use (RFC 9420 §17.3). */
export const DMLS_POLICY_EXTENSION = 0xf0d1
/** GroupInfo extension, private use (RFC 9420 §17.3). */
export const DMLS_ROSTER_EXTENSION = 0xf0d2
/** GroupInfo extension, private use: the dmls_epoch, for those who join by an external commit. */
export const DMLS_EPOCH_EXTENSION = 0xf0d5

export interface GroupPolicy {
  readonly forkChoice: ForkChoicePolicy
  readonly admin: AdminPolicy
  readonly retention: RetentionPolicy
  /** Whether external commits are accepted. They give up forward secrecy of the epoch they start from (protocol §2). */
  readonly externalCommits: 'refused' | 'allowed'
}

export const DEFAULT_GROUP_POLICY: GroupPolicy = {
  forkChoice: { kind: 'support' },
  admin: { kind: 'anyone' },
  retention: DEFAULT_RETENTION,
  externalCommits: 'refused',
}

const VERSION = 1

function unsupported(what: string): Error {
  return invalid('unsupported_policy', `the group has a ${what} that this version does not know`)
}

function writeForkChoice(writer: Writer, policy: ForkChoicePolicy): void {
  switch (policy.kind) {
    case 'support':
      writer.uint8(1)
      return
    case 'draft':
      writer.uint8(2)
      return
    case 'depth-witness':
      writer.uint8(3).uint32(policy.boost).uint32(policy.quorum.numerator).uint32(policy.quorum.denominator)
      writer.uint32(policy.rewindMax)
      return
    case 'designated':
      writer.uint8(4).vector(policy.instances, writeIdentifier)
  }
}

function readForkChoice(reader: Reader): ForkChoicePolicy {
  const kind = reader.uint8()
  switch (kind) {
    case 1:
      return { kind: 'support' }
    case 2:
      return { kind: 'draft' }
    case 3: {
      const boost = reader.uint32()
      const quorum = { numerator: reader.uint32(), denominator: reader.uint32() }
      return { kind: 'depth-witness', boost, quorum, rewindMax: reader.uint32() }
    }
    case 4:
      return { kind: 'designated', instances: reader.vector(readInstanceId) }
    default:
      throw unsupported('fork choice')
  }
}

function writeAdmin(writer: Writer, policy: AdminPolicy): void {
  switch (policy.kind) {
    case 'anyone':
      writer.uint8(1)
      return
    case 'named':
      writer.uint8(2).vector(policy.instances, writeIdentifier)
      writer.vector(policy.identities, (w, identity) => w.opaque(fromHex(identity)))
      writer.uint8(policy.invitations === 'named' ? 1 : 2)
      return
    case 'application':
      writer.uint8(3)
  }
}

function readAdmin(reader: Reader): AdminPolicy {
  const kind = reader.uint8()
  switch (kind) {
    case 1:
      return { kind: 'anyone' }
    case 2: {
      const instances = reader.vector(readInstanceId)
      const identities = reader.vector((r) => toHex(r.opaque()))
      return { kind: 'named', instances, identities, invitations: readChoice(reader, ['named', 'anyone']) }
    }
    case 3:
      return { kind: 'application' }
    default:
      throw unsupported('rule for admins')
  }
}

function readChoice<T extends string>(reader: Reader, choices: readonly T[]): T {
  const choice = choices[reader.uint8() - 1]
  if (choice === undefined) throw unsupported('choice')
  return choice
}

function writeGroupPolicy(writer: Writer, policy: GroupPolicy): void {
  writer.uint8(VERSION)
  writeForkChoice(writer, policy.forkChoice)
  writeAdmin(writer, policy.admin)
  writeRetentionPolicy(writer, policy.retention)
  writer.uint8(policy.externalCommits === 'refused' ? 1 : 2)
}

/** The data of a `dmls_policy` extension. */
export function encodeGroupPolicy(policy: GroupPolicy): Uint8Array {
  return encodeWhole(policy, writeGroupPolicy)
}

/** @throws MlsError `invalid`/`unsupported_policy` for what this version does not know; `malformed` */
export function decodeGroupPolicy(data: Uint8Array): GroupPolicy {
  return decodeWhole(data, (reader) => {
    if (reader.uint8() !== VERSION) throw unsupported('policy')
    return {
      forkChoice: readForkChoice(reader),
      admin: readAdmin(reader),
      retention: readRetentionPolicy(reader),
      externalCommits: readChoice(reader, ['refused', 'allowed']),
    }
  })
}

/** Who sits at a leaf. */
export interface RosterEntry {
  readonly leafIndex: number
  readonly instance: InstanceId
  /** Whether the commit that began the epoch added it, so that it was in no earlier epoch of this branch. */
  readonly isNew?: boolean
}

/** The data of a `dmls_roster` extension: entries in ascending order of their leaves. */
export function encodeRosterExtension(entries: readonly RosterEntry[]): Uint8Array {
  const ascending = [...entries].sort((a, b) => a.leafIndex - b.leafIndex)
  return encodeWhole(ascending, (writer, list) => {
    writer.vector(list, (w, { leafIndex, instance, isNew }) => {
      writeIdentifier(w.uint32(leafIndex), instance)
      w.uint8(isNew === true ? 1 : 0)
    })
  })
}

/** @throws MlsError `malformed`: `bad_roster` unless leaves ascend and instances differ */
export function decodeRosterExtension(data: Uint8Array): readonly RosterEntry[] {
  const entries = decodeWhole(data, (reader) =>
    reader.vector((r): RosterEntry => {
      const entry = { leafIndex: r.uint32(), instance: readInstanceId(r) }
      const isNew = r.uint8()
      if (isNew > 1) throw malformed('bad_roster', 'a roster says of each member whether it is new')
      return isNew === 1 ? { ...entry, isNew: true } : entry
    }),
  )
  const ascending = entries.every((entry, i) => i === 0 || (entries[i - 1] as RosterEntry).leafIndex < entry.leafIndex)
  if (!ascending || new Set(entries.map((entry) => entry.instance)).size !== entries.length) {
    throw malformed('bad_roster', 'a roster names each leaf and each instance once, leaves ascending')
  }
  return entries
}
