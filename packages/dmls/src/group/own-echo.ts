/**
 * Our own messages, when they come back (scenario 16). A state has always used up the key of what it sent, because it is
 * stored before a message leaves. A message of ours whose key is still there was sent by a copy of this state, or by a
 * later one that was lost when an old one was restored.
 */
import { wipe } from '@dmls/crypto'
import {
  type GroupState,
  MlsError,
  type MlsMessage,
  SECRET_TREE_LIMITS,
  unprotectPrivate,
  verifyContentSignature,
} from '@dmls/mls'

/**
 * Whether a PrivateMessage that names our own leaf bears our signature and a key that we have not used. False for our own
 * messages, and for whatever somebody else forged with the group's keys.
 */
export async function isSentElsewhere(group: GroupState, message: MlsMessage): Promise<boolean> {
  if (message.wireFormat !== 'mls_private_message') return false
  const { suite, secrets, secretTree, tree, ownLeaf, contextBytes } = group
  const leaf = tree.leaf(ownLeaf)
  if (leaf === undefined) return false
  try {
    const opened = unprotectPrivate(suite, {
      senderDataSecret: secrets.senderDataSecret,
      secretTree,
      message: message.privateMessage,
      limits: SECRET_TREE_LIMITS,
      leafExists: (leafIndex) => leafIndex === ownLeaf,
    })
    wipe(...opened.created)
    await verifyContentSignature(suite, leaf.signatureKey, opened.authenticatedContent, contextBytes)
    return true
  } catch (error) {
    if (error instanceof MlsError) return false
    throw error
  }
}
