/**
 * What decides a fork between equally supported children (protocol §6): a removal first; then a hash over the fork
 * epoch and the committer's leaf, which a committer cannot change by trying again (scenario 2); then the higher
 * confirmation tag, which only one member's own equivocation gets to.
 */
import { concatBytes, toHex } from '@dmls/crypto'
import type { DagNode } from '../dag/dag-node.ts'
import { compareText, type DmlsEpoch, identifierBytes } from '../dag/identifiers.ts'
import type { Fork, HashFunction } from './walk.ts'

function uint32(value: number): Uint8Array {
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value])
}

/** `Hash(dmls_epoch of the fork epoch ‖ uint32 leaf index of the committer)` in hex. */
export function committerHash(hash: HashFunction, forkEpoch: DmlsEpoch, committerLeaf: number): string {
  return toHex(hash(concatBytes(identifierBytes(forkEpoch), uint32(committerLeaf))))
}

/** Higher confirmation tag first; ids, which differ always, come last. */
export function compareByConfirmationTag(a: DagNode, b: DagNode): number {
  return compareText(b.facts.confirmationTag, a.facts.confirmationTag) || compareText(a.id, b.id)
}

function compareRoots(a: DagNode, b: DagNode): number {
  if (a.facts.epoch !== b.facts.epoch) return a.facts.epoch > b.facts.epoch ? -1 : 1
  return compareByConfirmationTag(a, b)
}

/**
 * The preferred one of several children of a fork. Roots without a common ancestor have no commit to compare: there the
 * higher integer epoch is preferred, then the higher confirmation tag.
 */
export function breakTie(fork: Fork, tied: readonly DagNode[], hash: HashFunction): DagNode {
  const { at } = fork
  if (tied.length === 1) return tied[0] as DagNode
  if (at === undefined) return [...tied].sort(compareRoots)[0] as DagNode
  const removing = tied.filter((child) => child.facts.removes.length > 0)
  const left = removing.length > 0 ? removing : tied
  const hashes = new Map<number, string>()
  for (const { facts } of left) {
    const leaf = facts.committerLeaf ?? 0
    if (!hashes.has(leaf)) hashes.set(leaf, committerHash(hash, at.id, leaf))
  }
  const hashOf = (child: DagNode): string => hashes.get(child.facts.committerLeaf ?? 0) as string
  const order = (a: DagNode, b: DagNode): number => compareText(hashOf(a), hashOf(b)) || compareByConfirmationTag(a, b)
  return [...left].sort(order)[0] as DagNode
}
