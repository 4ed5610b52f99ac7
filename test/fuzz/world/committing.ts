/**
 * Commits by mallory or by a stranger who joins from outside: whatever list of proposals, an update path that is real
 * or damaged, and, all the same, the right transcript hash, key schedule, signature and confirmation tag. So that a
 * receiver refuses them for what is wrong, not because a tag does not match.
 */
import { CryptoError, type Signer } from '@dmls/crypto'
import {
  type AuthenticatedContent,
  type Commit,
  type CommittedProposal,
  derivePskSecret,
  externalPubOf,
  filteredDirectPath,
  groupContextBytes,
  hashPath,
  type LeafNode,
  leafNodeTbs,
  MlsError,
  type MlsMessage,
  type Proposal,
  type ProposalOrRef,
  type RatchetTree,
  type Sender,
  sendExternalInit,
  signWithLabel,
  zeroSecret,
} from '@dmls/mls'
import { deriveNextEpoch, provisionalContext } from '../../../packages/mls/src/group/epoch.ts'
import { policyOf } from '../../../packages/mls/src/group/policy.ts'
import { type Applied, applyProposals } from '../../../packages/mls/src/group/proposals/apply.ts'
import { encryptUpdatePath, type StagedPath, stageUpdatePath } from '../../../packages/mls/src/tree/staged-path.ts'
import type { Tape } from '../engine/tape.ts'
import { mutateValue } from '../engine/value-mutation.ts'
import { honestDisguise, ordinaryEnvelope, protectedAnyhow, signed } from './forging.ts'
import type { AttackWorld } from './group-world.ts'
import { anyEntry, anyLeafContent } from './proposing.ts'
import { resignedLeaf } from './resigning.ts'
import { policy } from './scene.ts'

/** Who commits: mallory in its own leaf, or somebody from outside. */
interface Committer {
  readonly sender: Sender
  readonly signer: Signer
  /** Of an external commit: what its ExternalInit leads to. */
  readonly external: { readonly kemOutput: Uint8Array; readonly initSecret: Uint8Array } | undefined
}

/** A commit by mallory. */
export async function memberCommit(world: AttackWorld, tape: Tape): Promise<MlsMessage> {
  const { mallory } = world
  const sender: Sender = { senderType: 'member', leafIndex: mallory.state.ownLeaf }
  const entries: ProposalOrRef[] = []
  for (let left = tape.below(5); left > 0; left--) entries.push(await anyEntry(world, tape))
  return commit(world, tape, { sender, signer: mallory.person.signer, external: undefined }, entries)
}

/** An external commit: by a sybil, or by mallory, who may remove its old leaf, or another one. */
export async function externalCommit(world: AttackWorld, tape: Tape): Promise<MlsMessage> {
  const { suite, groupInfo, mallory } = world
  const externalPub = externalPubOf(groupInfo.extensions) as Uint8Array
  const external = await sendExternalInit(suite, externalPub, tape.random())
  const init: Proposal = { proposalType: 'external_init', kemOutput: external.kemOutput }
  const entries: ProposalOrRef[] = tape.once(8) ? [] : [{ type: 'proposal', proposal: init }]
  const returns = tape.once(2)
  const removed = tape.once(4) ? tape.below(8) : mallory.state.ownLeaf
  if (returns) entries.push({ type: 'proposal', proposal: { proposalType: 'remove', removed } })
  for (let left = tape.below(3); left > 0; left--) entries.push(await anyEntry(world, tape))
  const signer = returns ? mallory.person.signer : tape.pick(world.sybils).person.signer
  return commit(world, tape, { sender: { senderType: 'new_member_commit' }, signer, external }, entries)
}

async function commit(
  world: AttackWorld,
  tape: Tape,
  committer: Committer,
  proposals: readonly ProposalOrRef[],
): Promise<MlsMessage> {
  const { mallory, suite, profile } = world
  const { state } = mallory
  const random = tape.random()
  const applied = appliedAnyhow(world, proposals, committer)
  const leafIndex = committer.sender.senderType === 'member' ? state.ownLeaf : applied.tree.nextLeafIndex
  const staged = tape.once(8) ? undefined : await anyPath(world, tape, applied, leafIndex, committer.signer)
  const tree = staged?.tree ?? applied.tree
  const provisional = provisionalContext(state.context, treeHashOf(tree, suite.hashSize), applied.extensions)
  const excludedLeaves = new Set(applied.added.map((member) => member.leafIndex))
  const encryption = { groupContext: groupContextBytes(provisional), excludedLeaves, random }
  let path: Commit['path'] = staged && (await encryptUpdatePath(suite, staged, encryption))
  if (path !== undefined && tape.once(6)) path = { ...path, nodes: mutateValue(path.nodes, tape, world.donors) }
  const wireFormat = committer.external !== undefined || tape.once(2) ? 'mls_public_message' : 'mls_private_message'
  const authenticatedData = world.authenticatedData(tape, 'member')
  const ordinary = ordinaryEnvelope(state, committer.signer, wireFormat)
  const envelope = { ...ordinary, sender: committer.sender, authenticatedData }
  const framed = await signed(state, { contentType: 'commit', commit: { proposals, path } }, envelope)
  const next = deriveNextEpoch({
    suite,
    profile,
    context: state.context,
    interimTranscriptHash: state.interimTranscriptHash,
    treeHash: treeHashOf(tree, suite.hashSize),
    leafCount: Math.max(tree.leafCount, 1),
    extensions: applied.extensions,
    scratch: tree.parts.hasher.scratch,
    commit: framed,
    commitSecret: staged?.commitSecret ?? zeroSecret(suite),
    lastPathSecret: staged?.lastPathSecret,
    pskSecret: await pskSecret(world, applied),
    init:
      committer.external === undefined
        ? { from: 'parent', key: state.initKey }
        : { from: 'external', secret: committer.external.initSecret },
  })
  const confirmationTag = tape.once(16) ? random(suite.hashSize) : next.confirmationTag
  const authenticated: AuthenticatedContent = { ...framed, auth: { ...framed.auth, confirmationTag } }
  return protectedAnyhow(state, authenticated, honestDisguise(authenticated.content, random))
}

function treeHashOf(tree: RatchetTree, size: number): Uint8Array {
  return tree.leafCount === 0 ? new Uint8Array(size) : tree.treeHash()
}

/** What the list does as far as it can be applied at all: a receiver that applies it too comes to the same. */
function appliedAnyhow(world: AttackWorld, entries: readonly ProposalOrRef[], committer: Committer): Applied {
  const { state } = world.mallory
  const { suite, context, tree } = state
  const waiting = [...state.proposals.values()]
  const proposals = entries.flatMap((entry): CommittedProposal[] => {
    if (entry.type === 'proposal') return [{ proposal: entry.proposal, sender: committer.sender, reference: undefined }]
    const found = waiting.find(({ reference }) => reference.join() === entry.reference.join())
    return found === undefined ? [] : [found]
  })
  const scene = { suite, context, tree, policy: policyOf({ policy }) }
  const cause = committer.external === undefined ? 'commit' : 'external_commit'
  try {
    return applyProposals(scene, proposals, cause)
  } catch (error) {
    if (error instanceof MlsError) return applyProposals(scene, [], cause)
    throw error
  }
}

/** An update path, its leaf changed or not, consistent with itself: parent hashes and signature fit. */
async function anyPath(
  world: AttackWorld,
  tape: Tape,
  applied: Applied,
  leafIndex: number,
  signer: Signer,
): Promise<StagedPath | undefined> {
  const { suite, groupInfo } = world
  const { groupId } = groupInfo.groupContext
  const leaf = { signatureKey: signer.publicKey, ...anyLeafContent(world, tape) }
  let staged: StagedPath
  try {
    staged = await stageUpdatePath(suite, applied.tree, leafIndex, { groupId, signer, random: tape.random(), leaf })
  } catch (error) {
    if (error instanceof MlsError || error instanceof CryptoError) return undefined
    throw error
  }
  if (!tape.once(4)) return staged
  const publicKeys = tape.once(2) ? mutateValue(staged.publicKeys, tape, world.donors) : staged.publicKeys
  const wide = applied.tree.withRoomFor(leafIndex)
  const nodes = filteredDirectPath(wide, leafIndex)
  const { parents, leafParentHash } = hashPath(
    wide,
    nodes,
    nodes.map((_, i) => publicKeys[i] ?? new Uint8Array(0)),
  )
  const sourced: LeafNode = { ...staged.leafNode, source: { leafNodeSource: 'commit', parentHash: leafParentHash } }
  const changed = tape.once(2) ? mutateValue(sourced, tape, world.donors) : sourced
  const position = { groupId, leafIndex }
  const leafNode = tape.once(4)
    ? { ...changed, signature: await signWithLabel(signer, 'LeafNodeTBS', leafNodeTbs(changed, position)) }
    : await resignedLeaf(world, changed, position)
  const pathSecrets = tape.once(4) ? mutateValue(staged.pathSecrets, tape, world.donors) : staged.pathSecrets
  return { ...staged, leafNode, publicKeys, pathSecrets, tree: wide.withPath(leafIndex, leafNode, parents) }
}

/** Of the keys that mallory knows. */
async function pskSecret(world: AttackWorld, applied: Applied): Promise<Uint8Array> {
  const { state } = world.mallory
  const inputs = []
  for (const id of applied.psks) {
    const own = id.psk.pskType === 'resumption' && id.psk.pskEpoch === state.context.epoch
    const secret = own ? state.secrets.resumptionPsk : await world.findPsk({ psk: id.psk, context: state.context })
    if (secret !== undefined) inputs.push({ id, secret })
  }
  return derivePskSecret(world.suite, inputs)
}
