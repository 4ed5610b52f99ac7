/** Beginning a group: the creator's first epoch is the root of the history. */
import { type CreateGroupOptions, createGroup, type Extension, leafNodeBytes } from '@dmls/mls'
import { instanceId } from '../dag/identifiers.ts'
import { DMLS_POLICY_EXTENSION, encodeGroupPolicy, type GroupPolicy } from '../message/group-policy.ts'
import { beginHistory, rootFacts } from './first-epoch.ts'
import { mlsServices } from './mls-services.ts'
import { checkRuleGiven } from './policy.ts'
import type { DmlsServices, Step } from './state.ts'

/** The GroupContext extension that carries a group's policy. */
export function policyExtension(policy: GroupPolicy): Extension {
  return { extensionType: DMLS_POLICY_EXTENSION, extensionData: encodeGroupPolicy(policy) }
}

/** A new group with its creator as the only member. @throws MlsError `missing` `no_admin_rule` */
export async function createDmlsGroup(
  options: CreateGroupOptions & { readonly policy: GroupPolicy },
  services: DmlsServices,
): Promise<Step> {
  const extensions = [...(options.extensions ?? []), policyExtension(options.policy)]
  checkRuleGiven(extensions, services)
  const group = await createGroup({ ...options, extensions }, mlsServices(services))
  const leaf = group.tree.leaf(group.ownLeaf)
  if (leaf === undefined) throw new Error('a new group has no leaf')
  // protocol §7: the creator's instance is the hash of its first leaf
  const self = instanceId(options.suite.hash(leafNodeBytes(leaf)))
  const root = rootFacts(group, [{ instance: self, leafIndex: group.ownLeaf, isNew: true }], services)
  return beginHistory({ profile: options.profile, group, root, self })
}
