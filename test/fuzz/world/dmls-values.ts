/** Values of the decentralized profile, drawn from a tape: mostly sensible. */
import {
  type ApplicationContent,
  DEFAULT_GROUP_POLICY,
  type DmlsEpoch,
  dmlsEpoch,
  type EpochFacts,
  encodeAuthenticatedData,
  type GroupPolicy,
  type InstanceId,
  instanceId,
  type ResolvedHead,
  type RosterEntry,
  type RosterMember,
  type Witness,
  writeEpochFacts,
  writeWitness,
} from '@dmls/dmls'
import type { Writer } from '@dmls/mls'
import type { Tape } from '../engine/tape.ts'

/** One of a few names, so that things refer to one another. */
export function anyEpoch(tape: Tape): DmlsEpoch {
  return dmlsEpoch(new Uint8Array(tape.once(6) ? 64 : 4).fill(1 + tape.below(6)))
}

export function anyInstance(tape: Tape): InstanceId {
  return instanceId(new Uint8Array(4).fill(0x80 + tape.below(6)))
}

function listOf<T>(tape: Tape, element: () => T): T[] {
  return Array.from({ length: tape.below(4) }, element)
}

export function anyResolvedHead(tape: Tape): ResolvedHead {
  return { head: anyEpoch(tape), forkPoint: anyEpoch(tape) }
}

export function authenticatedDataOf(tape: Tape): Uint8Array {
  const counter = BigInt(tape.uint16())
  const resolves = listOf(tape, () => anyResolvedHead(tape))
  return encodeAuthenticatedData({ counter, resolves, application: tape.take(tape.below(4)) })
}

export function anyApplicationContent(tape: Tape): ApplicationContent {
  switch (tape.below(4)) {
    case 0:
      return { kind: 'application', data: tape.take(tape.below(6)) }
    case 1:
      return { kind: 'leave_request' }
    case 2:
      return { kind: 'presence' }
    default:
      return {
        kind: 'handover',
        resolvedBy: tape.take(4),
        forkPoint: tape.take(4),
        heads: listOf(tape, () => tape.take(4)),
        entrances: listOf(tape, () => tape.take(4)),
        gone: listOf(tape, () => tape.take(4)),
      }
  }
}

export function anyGroupPolicy(tape: Tape): GroupPolicy {
  const forkChoice = tape.pick([
    { kind: 'support' },
    { kind: 'draft' },
    { kind: 'depth-witness', boost: tape.byte(), quorum: { numerator: 1, denominator: tape.below(3) }, rewindMax: 3 },
    { kind: 'designated', instances: listOf(tape, () => anyInstance(tape)) },
  ] as const)
  const admin = tape.pick([
    { kind: 'anyone' },
    { kind: 'named', instances: listOf(tape, () => anyInstance(tape)), identities: ['00'], invitations: 'anyone' },
    { kind: 'application' },
  ] as const)
  const retained = tape.pick([
    { kind: 'all-members' },
    { kind: 'quorum', numerator: tape.byte(), denominator: tape.byte() },
    { kind: 'depth', epochs: tape.byte() },
    {
      kind: 'any',
      rules: [
        { kind: 'age', ageMs: tape.byte() },
        { kind: 'all', rules: [{ kind: 'all-members' }] },
      ],
    },
  ] as const)
  const retention = { ...DEFAULT_GROUP_POLICY.retention, retained }
  return { forkChoice, admin, retention, externalCommits: tape.pick(['refused', 'allowed']) }
}

export function rosterOf(tape: Tape): RosterEntry[] {
  return listOf(tape, () => {
    const entry = { leafIndex: tape.below(8), instance: anyInstance(tape) }
    return tape.once(3) ? { ...entry, isNew: true } : entry
  })
}

function anyMember(tape: Tape): RosterMember {
  return { instance: anyInstance(tape), identity: '00ff', leafIndex: tape.below(8) }
}

export function anyFacts(tape: Tape): EpochFacts {
  const root = tape.once(3)
  const facts: EpochFacts = {
    id: anyEpoch(tape),
    parent: root ? undefined : anyEpoch(tape),
    epoch: BigInt(tape.below(6)),
    committer: root ? undefined : anyInstance(tape),
    committerLeaf: root ? undefined : tape.below(8),
    counter: BigInt(tape.below(8)),
    resolves: listOf(tape, () => anyResolvedHead(tape)),
    adds: listOf(tape, () => anyMember(tape)),
    removes: listOf(tape, () => anyInstance(tape)),
    updates: listOf(tape, () => anyInstance(tape)),
    settings: tape.once(4) ? 'settings' : undefined,
    confirmationTag: 'aabb',
  }
  return root ? { ...facts, roster: listOf(tape, () => anyMember(tape)) } : facts
}

function anyWitness(tape: Tape): Witness {
  return { sender: anyInstance(tape), counter: BigInt(tape.below(8)), epoch: anyEpoch(tape) }
}

/** A DAG's encoding: the root first, what follows as the tape has it. */
export function writeAnyDag(writer: Writer, tape: Tape): void {
  const root: EpochFacts = {
    ...anyFacts(tape),
    parent: undefined,
    committer: undefined,
    committerLeaf: undefined,
    resolves: [],
    adds: [],
    removes: [],
    updates: [],
    roster: [anyMember(tape), { instance: instanceId('99'), identity: '01', leafIndex: 9 }],
  }
  writer.uint8(1).vector([root, ...listOf(tape, () => anyFacts(tape))], writeEpochFacts)
  writer.vector(
    listOf(tape, () => anyWitness(tape)),
    writeWitness,
  )
}
