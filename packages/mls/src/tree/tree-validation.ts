/**
 * What a joiner checks about a ratchet tree that others maintained, RFC 9420 §12.4.3.1: its hash, its parent hashes, its
 * unmerged leaves, its keys and every leaf.
 */
import { type CipherSuite, equalBytes } from '@dmls/crypto'
import { beginVerifying, type Watch } from '../bulk-verification.ts'
import { invalid, usage } from '../errors.ts'
import type { Extension } from '../wire/extension.ts'
import { contains, lowerBound } from './capability-summary.ts'
import { checkGroupRequirements } from './group-requirements.ts'
import {
  type AuthenticateLeaf,
  checkEncryptionKey,
  checkLeafNode,
  type LifetimePolicy,
  verifyLeafNode,
} from './leaf-node-validation.ts'
import { verifyParentHashes } from './parent-hash.ts'
import type { RatchetTree } from './ratchet-tree.ts'
import { memberDemands } from './required-capabilities.ts'
import { leafRange } from './tree-math.ts'
import { LeafSlot, ParentSlot, type Slot } from './tree-slot.ts'

const NO_LEAVES: readonly number[] = []

export interface TreeValidationContext extends LifetimePolicy, Watch {
  readonly groupId: Uint8Array
  /** `GroupContext.extensions` */
  readonly groupExtensions: readonly Extension[]
  /** `GroupContext.tree_hash`, where there is a GroupContext to compare with. */
  readonly treeHash?: Uint8Array | undefined
  readonly authenticate?: AuthenticateLeaf | undefined
}

/**
 * Validates a whole tree.
 * @throws MlsError `tree_hash_mismatch`, `unmerged_not_descendant`, `unmerged_blank_leaf`, `unmerged_not_below`,
 * `bad_encryption_key`, `parent_hash_invalid`, those of {@link checkGroupRequirements} and of `validateLeafNode`; the
 * signal's reason when aborted
 */
export async function validateRatchetTree(
  suite: CipherSuite,
  tree: RatchetTree,
  context: TreeValidationContext,
): Promise<void> {
  if (suite.id !== tree.suite.id) throw usage('suite_mismatch', 'the tree is of another cipher suite')
  const { groupId } = context
  const leaves = leafSlotsOf(tree)
  let decide: (isSound: boolean) => void = () => undefined
  const sound = new Promise<boolean>((resolve) => {
    decide = resolve
  })
  // nobody is asked about the members of a tree that is refused anyway, however soon their signatures are verified
  const authenticate: AuthenticateLeaf = async (leaf, replaced) => {
    if (await sound) await context.authenticate?.(leaf, replaced)
  }
  const finish = beginVerifying(
    leaves,
    ({ index, leaf, bytes }) =>
      verifyLeafNode(suite, leaf, { groupId, leafIndex: index / 2 }, authenticate, undefined, bytes),
    context,
    suite.verificationsAtOnce,
  )
  // a provider that has other threads sets them to work now: they are at the signatures during everything below
  await Promise.resolve()
  try {
    checkWithoutSignatures(tree, leaves, context)
  } catch (error) {
    decide(false)
    throw error
  }
  decide(true)
  await finish()
}

/** All checks of a tree that need no signature to be verified and nobody to be asked. */
function checkWithoutSignatures(tree: RatchetTree, leaves: readonly LeafSlot[], context: TreeValidationContext): void {
  const { treeHash, groupExtensions } = context
  checkStructure(tree)
  if (treeHash !== undefined && !equalBytes(treeHash, tree.treeHash())) {
    throw invalid('tree_hash_mismatch', "the ratchet tree is not the one of the group's context") // RFC 9420 §12.4.3.1
  }
  checkGroupRequirements(tree, groupExtensions)
  const demands = memberDemands(groupExtensions)
  for (const { leaf } of leaves) checkLeafNode(tree.suite, leaf, demands, context)
  verifyParentHashes(tree)
}

/**
 * The rules about unmerged leaves and the parents' keys.
 * @throws MlsError `unmerged_not_descendant`, `unmerged_blank_leaf`, `unmerged_not_below`, `bad_encryption_key`
 */
export function checkStructure(tree: RatchetTree): void {
  checkSubtree(tree, tree.parts.root, NO_LEAVES)
}

/** `demanded`: leaves below the slot that the next non-blank node above lists as unmerged. */
function checkSubtree(tree: RatchetTree, slot: Slot | undefined, demanded: readonly number[]): void {
  if (!(slot instanceof ParentSlot)) {
    if (slot === undefined && demanded.length > 0) {
      throw invalid('unmerged_blank_leaf', 'an unmerged leaf is blank') // RFC 9420 §12.4.3.1
    }
    return
  }
  let unmerged = demanded
  if (slot.parent !== undefined) {
    unmerged = slot.parent.unmergedLeaves
    checkWithin(slot.index, unmerged)
    checkEncryptionKey(tree.suite, slot.parent.encryptionKey)
    if (!demanded.every((leafIndex) => contains(unmerged, leafIndex))) {
      // each non-blank node between an unmerged leaf and the parent that lists it lists it too
      const fields = { nodeIndex: slot.index }
      throw invalid('unmerged_not_below', 'a leaf is unmerged above a node that does not list it', fields) // RFC 9420 §12.4.3.1
    }
  }
  const middle = lowerBound(unmerged, (slot.index + 1) / 2)
  checkSubtree(tree, slot.left, middle === 0 ? NO_LEAVES : unmerged.slice(0, middle))
  checkSubtree(tree, slot.right, middle === unmerged.length ? NO_LEAVES : unmerged.slice(middle))
}

function checkWithin(nodeIndex: number, unmerged: readonly number[]): void {
  const { first, count } = leafRange(nodeIndex)
  for (const leafIndex of unmerged) {
    if (leafIndex < first || leafIndex >= first + count) {
      throw invalid('unmerged_not_descendant', 'an unmerged leaf is not below its parent node', { nodeIndex }) // RFC 9420 §12.4.3.1
    }
  }
}

function leafSlotsOf(tree: RatchetTree): LeafSlot[] {
  const leaves: LeafSlot[] = []
  const visit = (slot: Slot | undefined): void => {
    if (slot instanceof LeafSlot) leaves.push(slot)
    else if (slot !== undefined) {
      visit(slot.left)
      visit(slot.right)
    }
  }
  visit(tree.parts.root)
  return leaves
}
