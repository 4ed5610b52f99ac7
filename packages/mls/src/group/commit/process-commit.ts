/**
 * Processing a commit (RFC 9420 §12.4.2): the message is decrypted and its signature verified, everything else is here.
 * Pure: the input state stays usable whatever happens, and so does the returned parent.
 */
import { CryptoError, equalBytes, equalConstantTime, wipe } from '@dmls/crypto'
import { invalid, missing } from '../../errors.ts'
import { receiveExternalInit } from '../../schedule/external-init.ts'
import { deriveExternalKeyPair, zeroSecret } from '../../schedule/key-schedule.ts'
import { checkGroupRequirements } from '../../tree/group-requirements.ts'
import { validateLeafNode } from '../../tree/leaf-node-validation.ts'
import { type PathKeys, retainPathKeys } from '../../tree/path-keys.ts'
import type { RatchetTree } from '../../tree/ratchet-tree.ts'
import { leafToNode } from '../../tree/tree-math.ts'
import { type DecryptedPath, decryptUpdatePath, mergeUpdatePath } from '../../tree/update-path.ts'
import type { Commit } from '../../wire/commit.ts'
import type { AuthenticatedContent, Sender } from '../../wire/framing.ts'
import { groupContextBytes } from '../../wire/group-context.ts'
import { leafNodeBytes } from '../../wire/leaf-node.ts'
import type { CommitChanges } from '../changes.ts'
import { leafAuthenticator } from '../credentials.ts'
import { deriveNextEpoch, type EpochStep, freshState, provisionalContext, wipeNextEpoch } from '../epoch.ts'
import { policyOf } from '../policy.ts'
import { type Applied, applyProposals } from '../proposals/apply.ts'
import { checkProposalTypes } from '../proposals/faults.ts'
import { introduceProposals } from '../proposals/introduce.ts'
import { checkProposalList, type ListScene } from '../proposals/list-rules.ts'
import { resolveProposals } from '../proposals/resolve.ts'
import { pathRequired } from '../proposals/single.ts'
import { pskSecretOf } from '../psk.ts'
import type { ProcessedCommit } from '../results.ts'
import type { GroupPolicy, Services } from '../services.ts'
import type { GroupState } from '../state.ts'
import { changesOf, reviewCommit } from './changes-of.ts'

/** A commit whose signature has been verified. */
export interface VerifiedCommit {
  readonly authenticated: AuthenticatedContent
  readonly sender: Sender & { readonly senderType: 'member' | 'new_member_commit' }
  readonly commit: Commit
  readonly confirmationTag: Uint8Array
}

type Opened = Pick<ProcessedCommit, 'parent' | 'child' | 'superseded' | 'created'>

/** A commit as far as everybody sees it: no private key has been used. */
interface Staged {
  readonly applied: Applied
  readonly committer: number
  readonly tree: RatchetTree
  readonly changes: CommitChanges
}

/** The child of the state, or the news that we are not in it. @throws MlsError if the commit is refused */
export async function processCommit(
  state: GroupState,
  verified: VerifiedCommit,
  services: Services,
): Promise<ProcessedCommit> {
  const { authenticated, sender, commit, confirmationTag } = verified
  const { authenticatedData } = authenticated.content
  const policy = policyOf(services)
  const staged = await stageCommit(state, verified, services, policy)
  const { changes, committer } = staged
  // RFC 9420 §12.4.2: a valid commit may remove us; then there is no child for us
  const removesUs = changes.removed.some((member) => member.leafIndex === state.ownLeaf)
  const { parent, child, superseded, created }: Opened = removesUs
    ? { parent: state, child: undefined, superseded: [], created: [] }
    : await openChild(state, verified, staged, services)
  // field by field: an object that is spread into another one with more fields is moved several times
  return {
    kind: 'commit',
    authenticated,
    sender,
    authenticatedData,
    confirmationTag,
    commit,
    committer,
    changes,
    parent,
    child,
    superseded,
    created,
  }
}

/** Everything up to the secrets: the list of proposals, the new tree, the committer's new leaf. */
async function stageCommit(
  state: GroupState,
  verified: VerifiedCommit,
  services: Services,
  policy: GroupPolicy,
): Promise<Staged> {
  const { suite, context, tree, profile } = state
  const { commit, sender } = verified
  const external = sender.senderType === 'new_member_commit'
  if (external) checkExternalCommits(policy, commit)
  const proposals = resolveProposals(commit, sender, state.proposals)
  const scene: ListScene = {
    suite,
    context,
    tree,
    policy,
    committer: external ? undefined : sender.leafIndex,
    resumption: 'application',
    sendingAt: undefined,
  }
  checkProposalList(scene, proposals)
  const applied = applyProposals(scene, proposals, external ? 'external_commit' : 'commit')
  checkProposalTypes(applied)
  if (commit.path === undefined && (profile.pathRequired || pathRequired(proposals, policy))) {
    throw invalid('path_required', 'a commit has no update path and needs one') // RFC 9420 §12.4
  }
  // those by reference were checked when they arrived
  const inline = proposals.filter((entry) => entry.reference === undefined)
  const committer = external ? applied.tree.nextLeafIndex : sender.leafIndex
  const merging = mergePath(state, commit, applied, committer, services)
  const merged =
    inline.length === 0
      ? await merging
      : (await Promise.all([merging, introduceProposals(scene, inline, services, 'received')]))[0]
  checkGroupRequirements(merged.tree, applied.extensions) // RFC 9420 §12.2: the tree is valid after the commit
  const changes = changesOf(applied, merged.committerLeaf)
  reviewCommit(policy, {
    context,
    epochId: state.epochId,
    sender,
    committer,
    authenticatedData: verified.authenticated.content.authenticatedData,
    changes,
  })
  return { applied, committer, tree: merged.tree, changes }
}

function checkExternalCommits(policy: GroupPolicy, commit: Commit): void {
  if (policy.externalCommits === 'none')
    throw invalid('external_commit_refused', 'external commits are not accepted here')
  const removes = commit.proposals.some(
    (entry) => entry.type === 'proposal' && entry.proposal.proposalType === 'remove',
  )
  if (removes && policy.externalCommits === 'join_only') {
    throw invalid('external_commit_refused', 'external commits that remove somebody are not accepted here')
  }
}

interface Merged {
  readonly tree: RatchetTree
  readonly committerLeaf: CommitChanges['committerLeaf']
}

async function mergePath(
  state: GroupState,
  { path }: Commit,
  applied: Applied,
  committer: number,
  services: Services,
): Promise<Merged> {
  if (path === undefined) return { tree: applied.tree, committerLeaf: undefined }
  const { suite, context } = state
  const previous = applied.tree.leaf(committer)
  // one who comes back by an external commit takes the place of its old leaf
  const resynced = applied.removed.find((member) => member.cause === 'resync')?.leafNode
  const groupId = context.groupId
  const bytes = leafNodeBytes(path.leafNode)
  await validateLeafNode(suite, path.leafNode, {
    source: 'commit', // RFC 9420 §12.4.2: leaf_node_source MUST be commit
    position: { groupId, leafIndex: committer },
    groupExtensions: applied.extensions,
    replaced: previous ?? resynced, // RFC 9420 §12.2: a resync's leaf meets the criteria of an Update
    authenticate: leafAuthenticator(services, 'commit', groupId),
    bytes,
  })
  const tree = mergeUpdatePath(suite, applied.tree, committer, path, addedLeaves(applied), bytes)
  return { tree, committerLeaf: { leafIndex: committer, previous, leafNode: path.leafNode } }
}

const NO_LEAVES: ReadonlySet<number> = new Set()

/** RFC 9420 §7.6: no path secret is encrypted to those whom the commit adds. */
function addedLeaves({ added }: Applied): ReadonlySet<number> {
  return added.length === 0 ? NO_LEAVES : new Set(added.map((member) => member.leafIndex))
}

/** Uses our private keys and the parent's secrets: the key schedule of the child and its confirmation tag. */
async function openChild(
  state: GroupState,
  verified: VerifiedCommit,
  staged: Staged,
  services: Services,
): Promise<Opened> {
  const { suite, profile, context, ownLeaf, interimTranscriptHash } = state
  const { applied, tree } = staged
  const own: Uint8Array[] = []
  try {
    const pskSecret = await pskSecretOf(suite, applied.psks, { held: [state], context, services })
    own.push(pskSecret)
    const path = await openPath(state, verified.commit, staged)
    const { commitSecret, lastPathSecret } = path
    own.push(commitSecret, ...(lastPathSecret === undefined ? [] : [lastPathSecret]))
    try {
      const init: EpochStep['init'] =
        applied.externalInit === undefined
          ? { from: 'parent', key: state.initKey }
          : { from: 'external', secret: await externalInitSecret(state, applied.externalInit) }
      if (init.from === 'external') own.push(init.secret)
      const next = deriveNextEpoch({
        suite,
        profile,
        context,
        interimTranscriptHash,
        treeHash: tree.treeHash(),
        leafCount: tree.leafCount,
        extensions: applied.extensions,
        scratch: tree.parts.hasher.scratch,
        commit: verified.authenticated,
        commitSecret,
        lastPathSecret,
        pskSecret,
        init,
      })
      own.push(next.joinerSecret)
      // RFC 9420 §12.4.2: verify that the confirmation tag is the same
      if (!equalConstantTime(next.confirmationTag, verified.confirmationTag)) {
        wipeNextEpoch(next)
        throw invalid('bad_confirmation_tag', 'the confirmation tag of a commit does not match')
      }
      const { contextBytes, confirmationTag } = next
      const child = freshState(
        {
          profile,
          suite,
          context: next.context,
          contextBytes,
          tree,
          ownLeaf,
          keys: path.keys,
          interimTranscriptHash: next.interimTranscriptHash,
          confirmationTag,
          reinit: applied.reinit,
        },
        next.opened,
      )
      const parent = { ...state, initKey: next.parentInitKey ?? state.initKey }
      return { parent, child, superseded: next.superseded, created: next.created }
    } catch (error) {
      wipe(...path.keys.values())
      throw error
    }
  } finally {
    wipe(...own) // RFC 9420 §9.2
  }
}

function openPath(state: GroupState, { path }: Commit, staged: Staged): DecryptedPath | Promise<DecryptedPath> {
  const { suite, context, ownLeaf } = state
  const { applied, tree, committer } = staged
  const keys = ownKeysAfter(state, applied)
  if (path === undefined) {
    return { keys: retainPathKeys(tree, ownLeaf, keys), commitSecret: zeroSecret(suite), lastPathSecret: undefined }
  }
  const provisional = provisionalContext(context, tree.treeHash(), applied.extensions)
  return decryptUpdatePath(suite, {
    tree,
    senderLeaf: committer,
    ownLeaf,
    keys,
    path,
    groupContext: groupContextBytes(provisional),
    excludedLeaves: addedLeaves(applied),
  })
}

/** Our private keys once the proposals are applied: an Update of ours leaves only its own. */
function ownKeysAfter(state: GroupState, applied: Applied): PathKeys {
  const update = applied.updated.find((member) => member.leafIndex === state.ownLeaf)
  if (update === undefined) return state.keys
  const { encryptionKey } = update.leafNode
  const pending = state.pendingUpdates.find((each) => equalBytes(each.leafNode.encryptionKey, encryptionKey))
  if (pending === undefined) {
    throw missing('update_key_not_found', 'the private key of an Update of ours that was committed is not here')
  }
  return new Map([[leafToNode(state.ownLeaf), pending.encryptionPrivateKey]])
}

async function externalInitSecret({ suite, secrets }: GroupState, kemOutput: Uint8Array): Promise<Uint8Array> {
  const keys = await deriveExternalKeyPair(suite, secrets.externalSecret)
  try {
    // RFC 9420 §8.3, §12.4.3.2: the external init secret MUST be used
    return await receiveExternalInit(suite, keys.privateKey, kemOutput)
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    throw invalid('bad_external_init', 'the KEM output of an ExternalInit cannot be opened')
  } finally {
    keys.privateKey.fill(0)
  }
}
