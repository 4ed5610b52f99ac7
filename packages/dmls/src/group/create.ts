/** Beginning a group: the creator's first epoch is the root of the history. */
import { toHex } from '@dmls/crypto'
import { type CreateGroupOptions, createGroup, type Extension, leafNodeBytes } from '@dmls/mls'
import { Dag } from '../dag/dag.ts'
import { instanceId } from '../dag/identifiers.ts'
import { DMLS_POLICY_EXTENSION, encodeGroupPolicy, type GroupPolicy } from '../message/group-policy.ts'
import { epochOf } from './lookup.ts'
import { mlsServices } from './mls-services.ts'
import type { DmlsGroupState, DmlsServices, Step } from './state.ts'

/** The GroupContext extension that carries a group's policy. */
export function policyExtension(policy: GroupPolicy): Extension {
  return { extensionType: DMLS_POLICY_EXTENSION, extensionData: encodeGroupPolicy(policy) }
}

/** A new group with its creator as the only member. */
export async function createDmlsGroup(
  options: CreateGroupOptions & { readonly policy: GroupPolicy },
  services: DmlsServices,
): Promise<Step> {
  const extensions = [...(options.extensions ?? []), policyExtension(options.policy)]
  const group = await createGroup({ ...options, extensions }, mlsServices(services))
  const leaf = group.tree.leaf(group.ownLeaf)
  if (leaf === undefined) throw new Error('a new group has no leaf')
  const id = epochOf(group)
  // protocol §7: the creator's instance is the hash of its first leaf
  const self = instanceId(options.suite.hash(leafNodeBytes(leaf)))
  const root = {
    id,
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
    roster: [{ instance: self, identity: toHex(services.identityOf(leaf)), leafIndex: group.ownLeaf }],
  }
  const state: DmlsGroupState = {
    profile: options.profile,
    suite: options.suite,
    groupId: options.groupId,
    self,
    dag: Dag.empty().insert(root),
    epochs: new Map([[id, { stage: 'open', group, supersededAtMs: undefined }]]),
    home: id,
    head: id,
    counter: 0n,
    keyPackages: new Map(),
    handovers: new Map(),
    leaving: new Set(),
    removal: undefined,
    returning: new Map(),
    asked: undefined,
    isLost: false,
  }
  return {
    state,
    changes: { epochs: [id], dropped: [], facts: [root], witnesses: [], keyPackages: [], meta: true },
    superseded: [],
  }
}
