/**
 * Ratchet trees that others made: shape and nodes changed, leaves signed again. A tree that is accepted is written as it
 * was read, and a member can work with it.
 */
import { equalBytes, toHex } from '@dmls/crypto'
import {
  decodeRatchetTreeBytes,
  encryptUpdatePath,
  mlsProfile,
  type RatchetTree,
  ratchetTreeBytes,
  stageUpdatePath,
  validateRatchetTree,
} from '@dmls/mls'
import { mutateBytes } from '../engine/byte-mutation.ts'
import type { Tape } from '../engine/tape.ts'
import { demand, Finding, refusal, type Target } from '../engine/target.ts'
import { type GroupWorld, groupWorld } from '../world/group-world.ts'
import { NOW, suiteOf } from '../world/scene.ts'
import { mutateNodes, nodesOf, type TreeNode, treeBytesOf } from '../world/tree-nodes.ts'

interface Trees {
  readonly world: GroupWorld
  readonly nodes: readonly TreeNode[]
}

async function anyTree({ world, nodes }: Trees, tape: Tape): Promise<Uint8Array> {
  if (tape.once(5)) return mutateBytes(treeBytesOf(nodes), tape, world.donors.byteStrings)
  const { donors, allSigners } = world
  const around = { donors, groupId: world.groupInfo.groupContext.groupId, ownSigners: allSigners }
  return treeBytesOf(await mutateNodes(nodes, tape, around))
}

async function tryTree(trees: Trees, tape: Tape): Promise<string> {
  const { world } = trees
  const { groupId, extensions } = world.groupInfo.groupContext
  let bytes: Uint8Array
  try {
    bytes = await anyTree(trees, tape)
  } catch {
    return 'not made'
  }
  let tree: RatchetTree
  try {
    tree = decodeRatchetTreeBytes(world.suite, bytes)
    demand(equalBytes(ratchetTreeBytes(tree), bytes), 'a tree is written in another way than it was read')
    await validateRatchetTree(world.suite, tree, { groupId, groupExtensions: extensions, now: NOW })
  } catch (error) {
    return refusal(error)
  }
  await checkUsable(world, tree, tape)
  return 'valid'
}

async function checkUsable(world: GroupWorld, tree: RatchetTree, tape: Tape): Promise<void> {
  const { suite, groupInfo } = world
  const { groupId } = groupInfo.groupContext
  const members = [...tree.members()]
  const { leafIndex, leafNode } = tape.pick(members)
  const signer = world.allSigners.get(toHex(leafNode.signatureKey))
  if (signer === undefined) return
  const random = tape.random()
  try {
    const leaf = { ...leafNode, signatureKey: signer.publicKey }
    const staged = await stageUpdatePath(suite, tree, leafIndex, { groupId, signer, random, leaf })
    await encryptUpdatePath(suite, staged, { groupContext: groupId, excludedLeaves: new Set(), random })
    await validateRatchetTree(suite, staged.tree, { groupId, groupExtensions: [], now: NOW })
  } catch (error) {
    throw new Finding('a member of a valid tree cannot commit', { cause: error })
  }
}

export const trees: Target = {
  name: 'trees',
  tapeMax: 128,
  quickRuns: 500,
  open: async () => {
    const world = await groupWorld({ profile: mlsProfile, suite: suiteOf(1) })
    const nodes = nodesOf(world.mallory.tree)
    return (tape) => tryTree({ world, nodes }, tape)
  },
}
