/** Validating the ratchet tree of a group that we are about to join (RFC 9420 §12.4.3.1). */

import type { RatchetTree } from '../tree/ratchet-tree.ts'
import { validateRatchetTree } from '../tree/tree-validation.ts'
import type { GroupContext } from '../wire/group-context.ts'
import { authenticateExternalSenders, leafAuthenticator } from './credentials.ts'
import { policyOf } from './policy.ts'
import type { Services } from './services.ts'

/** Every leaf, every parent hash, every credential. @throws MlsError with one code for each check */
export async function validateGroupTree(tree: RatchetTree, context: GroupContext, services: Services): Promise<void> {
  const policy = policyOf(services)
  const { groupId, extensions, treeHash } = context
  await validateRatchetTree(tree.suite, tree, {
    groupId,
    groupExtensions: extensions,
    treeHash,
    now: policy.receivedLifetimes === 'check' ? services.now : undefined,
    lifetimeMaxSeconds: policy.lifetimeMaxSeconds,
    authenticate: leafAuthenticator(services, 'tree', groupId),
    signal: services.signal,
    progress: services.progress,
  })
  await authenticateExternalSenders(services, groupId, extensions, [])
}
