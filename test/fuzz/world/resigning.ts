/** Renewing signatures inside changed structures, wherever mallory or a sybil has the key that they need. */
import { type Signer, toHex } from '@dmls/crypto'
import {
  type KeyPackage,
  keyPackageTbs,
  type LeafNode,
  type LeafNodePosition,
  leafNodeTbs,
  type Proposal,
  signWithLabel,
} from '@dmls/mls'
import type { Tape } from '../engine/tape.ts'
import type { AttackWorld } from './group-world.ts'

type Signers = Pick<AttackWorld, 'ownSigners'>

function signerOf({ ownSigners }: Signers, leaf: LeafNode): Signer | undefined {
  return ownSigners.get(toHex(leaf.signatureKey))
}

/** The leaf with a signature that fits its content, if the key is ours. */
export async function resignedLeaf(
  world: Signers,
  leaf: LeafNode,
  position: LeafNodePosition | undefined,
): Promise<LeafNode> {
  const signer = signerOf(world, leaf)
  if (signer === undefined) return leaf
  const tbs = leafNodeTbs(leaf, leaf.source.leafNodeSource === 'key_package' ? undefined : position)
  return { ...leaf, signature: await signWithLabel(signer, 'LeafNodeTBS', tbs) }
}

/** Leaf first, then the package around it. */
export async function resignedKeyPackage(world: Signers, keyPackage: KeyPackage): Promise<KeyPackage> {
  const position = { groupId: new Uint8Array(0), leafIndex: 0 }
  const leafNode = await resignedLeaf(world, keyPackage.leafNode, position)
  const signer = signerOf(world, leafNode)
  const content = { ...keyPackage, leafNode }
  if (signer === undefined) return content
  return { ...content, signature: await signWithLabel(signer, 'KeyPackageTBS', keyPackageTbs(content)) }
}

/** The proposal with fitting signatures inside; now and then it is left as it is. */
export async function resignedProposal(
  world: AttackWorld,
  proposal: Proposal,
  leafIndex: number,
  tape: Tape,
): Promise<Proposal> {
  if (tape.once(6)) return proposal
  if (proposal.proposalType === 'add') {
    return { ...proposal, keyPackage: await resignedKeyPackage(world, proposal.keyPackage) }
  }
  if (proposal.proposalType === 'update') {
    const position = { groupId: world.groupInfo.groupContext.groupId, leafIndex }
    return { ...proposal, leafNode: await resignedLeaf(world, proposal.leafNode, position) }
  }
  return proposal
}
