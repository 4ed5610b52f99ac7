/** The first epoch that a member knows, by creating the group or by joining it: the root of its history. */
import { toHex } from '@dmls/crypto'
import { type GroupState, invalid, type KeyPackage, type Profile, type RatchetTree } from '@dmls/mls'
import { Dag } from '../dag/dag.ts'
import type { EpochFacts, RosterMember } from '../dag/epoch-facts.ts'
import type { InstanceId } from '../dag/identifiers.ts'
import type { RosterEntry } from '../message/group-policy.ts'
import { epochOf } from './lookup.ts'
import type { DmlsServices, Step } from './state.ts'

/** Who is in the group, from a roster and the tree that it must fit. @throws MlsError `invalid` `bad_roster` */
function readRoster(entries: readonly RosterEntry[], tree: RatchetTree, services: DmlsServices): RosterMember[] {
  const roster = entries.map(({ leafIndex, instance }): RosterMember => {
    const leaf = tree.leaf(leafIndex)
    if (leaf === undefined) throw invalid('bad_roster', 'the roster names a member at a blank leaf', { leafIndex })
    return { instance, identity: toHex(services.identityOf(leaf)), leafIndex }
  })
  const instances = new Set(roster.map(({ instance }) => instance)).size
  const leaves = new Set(roster.map(({ leafIndex }) => leafIndex)).size
  if (roster.length !== tree.memberCount || instances !== roster.length || leaves !== roster.length) {
    throw invalid('bad_roster', 'the roster does not name every member once')
  }
  return roster
}

/**
 * An epoch whose parent we do not know: its members are told, not computed.
 * @throws MlsError `invalid` `bad_roster`
 */
export function rootFacts(group: GroupState, entries: readonly RosterEntry[], services: DmlsServices): EpochFacts {
  return {
    id: epochOf(group),
    parent: undefined,
    epoch: group.context.epoch,
    committer: undefined,
    committerLeaf: undefined,
    counter: 0n,
    resolves: [],
    adds: [],
    removes: [],
    updates: [],
    settings: undefined,
    confirmationTag: toHex(group.confirmationTag),
    roster: readRoster(entries, group.tree, services),
    newcomers: entries.filter(({ isNew }) => isNew === true).map(({ instance }) => instance),
  }
}

export interface FirstEpoch {
  readonly profile: Profile
  readonly group: GroupState
  readonly root: EpochFacts
  readonly self: InstanceId
  /** How many commits of ours others have seen. Default: none. */
  readonly counter?: bigint
  /** Our own, when others need it to add us to a branch that does not have us. */
  readonly keyPackage?: KeyPackage
}

/** A history with one root. */
export function beginHistory({ profile, group, root, self, counter = 0n, keyPackage }: FirstEpoch): Step {
  return {
    state: {
      profile,
      suite: group.suite,
      groupId: group.context.groupId,
      self,
      dag: Dag.empty().insert(root),
      epochs: new Map([[root.id, { stage: 'open', group, supersededAtMs: undefined }]]),
      home: root.id,
      head: root.id,
      counter,
      keyPackages: new Map(keyPackage === undefined ? [] : [[self, keyPackage]]),
      handovers: new Map(),
      leaving: new Set(),
      removal: undefined,
      overcome: [],
      returning: new Map(),
      asked: undefined,
      isLost: false,
    },
    changes: {
      epochs: [root.id],
      dropped: [],
      facts: [root],
      witnesses: [],
      keyPackages: keyPackage === undefined ? [] : [self],
      meta: true,
    },
    superseded: [],
  }
}
