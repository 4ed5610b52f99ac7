/**
 * Making a commit (RFC 9420 §12.4.1) with its Welcome. The input state is left as it was: whether the commit counts is
 * decided later, and until then the returned parent can process a rival.
 */
import { wipe } from '@dmls/crypto'
import { zeroSecret } from '../../schedule/key-schedule.ts'
import { checkGroupRequirements } from '../../tree/group-requirements.ts'
import { checkLeafNode } from '../../tree/leaf-node-validation.ts'
import { retainPathKeys } from '../../tree/path-keys.ts'
import { memberDemands } from '../../tree/required-capabilities.ts'
import {
  encryptUpdatePath,
  type StagedPath,
  stageUpdatePath,
  wipeStagedPath,
  wipeStagedSecrets,
} from '../../tree/staged-path.ts'
import type { Commit } from '../../wire/commit.ts'
import { groupContextBytes } from '../../wire/group-context.ts'
import type { LeafNode } from '../../wire/leaf-node.ts'
import { mlsMessageBytes } from '../../wire/mls-message.ts'
import type { ResumptionPskUsage } from '../../wire/psk.ts'
import type { CommittedProposal } from '../changes.ts'
import { leafAuthenticator } from '../credentials.ts'
import { deriveNextEpoch, freshState, type NextEpoch, provisionalContext, wipeNextEpoch } from '../epoch.ts'
import { checkMaySend, checkSigner, framedContent, protect, signFramed } from '../frame.ts'
import { signedGroupInfo } from '../group-info.ts'
import type { CommitOptions, GroupInfoOptions } from '../options.ts'
import { policyOf } from '../policy.ts'
import type { Applied } from '../proposals/apply.ts'
import { introduceProposals } from '../proposals/introduce.ts'
import type { ListScene } from '../proposals/list-rules.ts'
import { referencedProposals, selectProposals } from '../proposals/select.ts'
import { pathRequired } from '../proposals/single.ts'
import { type HeldEpoch, pskSecretOf } from '../psk.ts'
import type { CommitCreated, DroppedProposal } from '../results.ts'
import type { GroupPolicy, Services } from '../services.ts'
import type { CachedProposal, GroupState } from '../state.ts'
import { createWelcome } from '../welcome.ts'
import { withoutMissingPsks } from './available-psks.ts'
import { changesOf, reviewCommit } from './changes-of.ts'

const NOTHING = new Uint8Array(0)

/** For the first commit of a group that continues another: which PSK it may carry, and the epoch that holds it. */
export interface Succession {
  readonly usage: ResumptionPskUsage
  readonly from: HeldEpoch
}

/**
 * @throws MlsError if the proposals do not form a valid list (RFC 9420 §12.2), `proposal_not_found` (missing),
 * `psk_not_found` (missing), `wrong_signer`, `group_reinitialized`, and whatever the application refuses with
 */
export function createCommit(state: GroupState, options: CommitOptions, services: Services): Promise<CommitCreated> {
  return createCommitAs(state, options, services, undefined)
}

/** {@link createCommit}; with a succession, the commit that begins a reinitialised or branched group. */
export async function createCommitAs(
  state: GroupState,
  options: CommitOptions,
  services: Services,
  succession: Succession | undefined,
): Promise<CommitCreated> {
  checkMaySend(state)
  checkSigner(state, options.signer)
  const policy = policyOf(services)
  const held = succession === undefined ? [state] : [state, succession.from]
  const lookup = { held, context: state.context, services }
  const candidates = candidatesOf(state, options, services, policy, succession)
  try {
    return await commitChosen(state, options, services, policy, candidates, lookup)
  } catch (error) {
    // what is wrong with a proposal by itself is told before what it leads to
    await candidates.introduced
    throw error
  }
}

async function commitChosen(
  state: GroupState,
  options: CommitOptions,
  services: Services,
  policy: GroupPolicy,
  candidates: Candidates,
  lookup: Parameters<typeof pskSecretOf>[2],
): Promise<CommitCreated> {
  const { applied, dropped } = await choose(state, candidates, services)
  const staged = await stagePath(state, applied, options, services, policy)
  try {
    const pskSecret = await pskSecretOf(state.suite, applied.psks, lookup)
    try {
      const { introduced } = candidates
      return await finish({ state, options, services, policy, applied, dropped, staged, pskSecret, introduced })
    } finally {
      pskSecret.fill(0)
    }
  } catch (error) {
    if (staged !== undefined) wipe(...staged.keys.values())
    throw error
  } finally {
    if (staged !== undefined) wipeStagedSecrets(staged) // RFC 9420 §9.2
  }
}

/** What there is to commit. */
interface Candidates {
  readonly scene: ListScene
  readonly own: readonly CommittedProposal[]
  readonly referenced: readonly CachedProposal[]
  readonly misfits: 'drop' | 'refuse'
  /**
   * Rejects if one of our own proposals is not valid by itself. Waited for at the end: where other threads verify
   * signatures, a thousand key packages take them as long as this one needs to seal as many invitations.
   */
  readonly introduced: Promise<unknown>
}

function candidatesOf(
  state: GroupState,
  options: CommitOptions,
  services: Services,
  policy: GroupPolicy,
  succession: Succession | undefined,
): Candidates {
  const { suite, context, tree, ownLeaf } = state
  const resumption = succession?.usage ?? 'application'
  const sendingAt = policy.sentLifetimes === 'ignore' ? undefined : services.now
  const scene: ListScene = { suite, context, tree, policy, committer: ownLeaf, resumption, sendingAt }
  const sender = { senderType: 'member', leafIndex: ownLeaf } as const
  const own = (options.proposals ?? []).map(
    (proposal): CommittedProposal => ({ proposal, sender, reference: undefined }),
  )
  const references = options.references ?? 'none'
  const referenced: readonly CachedProposal[] = referencedProposals(state.proposals, references)
  // RFC 9420 §7.3, §10.1: what is sent is validated first
  const introduced = introduceProposals(scene, own, services, 'sent')
  // whoever waits for it hears of it; until then nobody may be listening
  introduced.catch(() => undefined)
  return { scene, own, referenced, misfits: references === 'all' ? 'drop' : 'refuse', introduced }
}

/** The proposals of the commit, and what they lead to. */
async function choose(
  state: GroupState,
  { scene, own, referenced, misfits }: Candidates,
  services: Services,
): Promise<{ readonly applied: Applied; readonly dropped: readonly DroppedProposal[] }> {
  if (misfits === 'refuse') return selectProposals(scene, own, referenced, misfits)
  const available = await withoutMissingPsks(referenced, { held: [state], context: state.context, services })
  const { applied, dropped } = selectProposals(scene, own, available.proposals, misfits)
  return { applied, dropped: [...available.dropped, ...dropped] }
}

async function stagePath(
  state: GroupState,
  applied: Applied,
  options: CommitOptions,
  services: Services,
  policy: GroupPolicy,
): Promise<StagedPath | undefined> {
  const { suite, context, ownLeaf, profile } = state
  const needed = profile.pathRequired || pathRequired(applied.proposals, policy) || options.leaf !== undefined
  // RFC 9420 §12.4: the path MUST be there if a proposal requires it, or if there is no proposal
  if (!needed && options.path === 'when_required') return undefined
  const current = applied.tree.leaf(ownLeaf) as LeafNode
  const signer = options.leaf?.signer ?? options.signer
  const staged = await stageUpdatePath(suite, applied.tree, ownLeaf, {
    groupId: context.groupId,
    signer,
    random: services.random,
    leaf: {
      signatureKey: signer.publicKey.slice(),
      credential: options.leaf?.credential ?? current.credential,
      capabilities: options.leaf?.capabilities ?? current.capabilities,
      extensions: options.leaf?.extensions ?? current.extensions,
    },
  })
  try {
    checkLeafNode(suite, staged.leafNode, memberDemands(applied.extensions), {})
    checkGroupRequirements(staged.tree, applied.extensions) // RFC 9420 §12.2: the tree must be valid after the commit
    await leafAuthenticator(services, 'commit', context.groupId)(staged.leafNode, current)
    return staged
  } catch (error) {
    wipeStagedPath(staged)
    throw error
  }
}

interface Draft {
  readonly state: GroupState
  readonly options: CommitOptions
  readonly services: Services
  readonly policy: GroupPolicy
  readonly applied: Applied
  readonly dropped: readonly DroppedProposal[]
  readonly staged: StagedPath | undefined
  readonly pskSecret: Uint8Array
  readonly introduced: Promise<unknown>
}

async function finish(draft: Draft): Promise<CommitCreated> {
  const { state, options, services, applied, staged } = draft
  const { suite } = state
  const tree = staged?.tree ?? applied.tree
  const commit = await commitOf(draft)
  const authenticatedData = (options.authenticatedData ?? NOTHING).slice()
  const content = framedContent(state, { contentType: 'commit', commit }, authenticatedData)
  const changes = changesOf(applied, committerLeaf(draft))
  reviewCommit(draft.policy, {
    context: state.context,
    epochId: state.epochId,
    sender: content.sender,
    committer: state.ownLeaf,
    authenticatedData,
    changes,
  })
  state.profile.checkContent(content, state.context, state.epochId)
  const signed = await signFramed(state, content, options.wireFormat ?? 'mls_private_message', options.signer)
  const commitSecret = staged?.commitSecret ?? zeroSecret(suite)
  const next = deriveNextEpoch({
    ...state,
    treeHash: tree.treeHash(),
    leafCount: tree.leafCount,
    extensions: applied.extensions,
    scratch: tree.parts.hasher.scratch,
    commit: signed,
    commitSecret,
    lastPathSecret: staged?.lastPathSecret,
    pskSecret: draft.pskSecret,
    init: { from: 'parent', key: state.initKey },
  })
  const undo: Uint8Array[] = []
  try {
    const child = childOf(draft, next)
    undo.push(...child.keys.values())
    const framed = { ...signed, auth: { ...signed.auth, confirmationTag: next.confirmationTag } }
    const sent = protect(state, framed, { padding: options.padding, random: services.random })
    undo.push(...sent.created)
    const ownCommits = [...state.ownCommits, suite.hash(mlsMessageBytes(sent.message))]
    const parent = { ...sent.state, ownCommits, initKey: next.parentInitKey ?? state.initKey }
    const { welcome, groupInfo } = await announce(draft, child, next.joinerSecret)
    await draft.introduced
    const superseded = [...sent.superseded, ...next.superseded]
    return {
      parent,
      child,
      message: sent.message,
      welcome,
      groupInfo,
      commit,
      changes,
      dropped: draft.dropped,
      superseded,
      created: [...sent.created, ...next.created],
    }
  } catch (error) {
    wipeNextEpoch(next)
    wipe(...undo)
    throw error
  } finally {
    next.joinerSecret.fill(0)
  }
}

async function commitOf({ state, services, applied, staged }: Draft): Promise<Commit> {
  const proposals = applied.proposals.map(({ proposal, reference }) =>
    reference === undefined ? ({ type: 'proposal', proposal } as const) : ({ type: 'reference', reference } as const),
  )
  if (staged === undefined) return { proposals, path: undefined }
  const provisional = provisionalContext(state.context, staged.tree.treeHash(), applied.extensions)
  const path = await encryptUpdatePath(state.suite, staged, {
    groupContext: groupContextBytes(provisional),
    excludedLeaves: new Set(applied.added.map((member) => member.leafIndex)),
    random: services.random,
  })
  return { proposals, path }
}

function committerLeaf({ state, staged }: Draft): CommitCreated['changes']['committerLeaf'] {
  if (staged === undefined) return undefined
  return { leafIndex: state.ownLeaf, previous: state.tree.leaf(state.ownLeaf), leafNode: staged.leafNode }
}

function childOf({ state, applied, staged }: Draft, next: NextEpoch): GroupState {
  const { profile, suite, ownLeaf } = state
  const tree = staged?.tree ?? applied.tree
  const keys = staged?.keys ?? retainPathKeys(tree, ownLeaf, state.keys)
  const { context, contextBytes, confirmationTag, interimTranscriptHash } = next
  const { reinit } = applied
  const parts = {
    profile,
    suite,
    context,
    contextBytes,
    tree,
    ownLeaf,
    keys,
    interimTranscriptHash,
    confirmationTag,
    reinit,
  }
  return freshState(parts, next.opened)
}

/** The Welcome for those who are added, and the GroupInfo that was asked for. */
async function announce(
  draft: Draft,
  child: GroupState,
  joinerSecret: Uint8Array,
): Promise<Pick<CommitCreated, 'welcome' | 'groupInfo'>> {
  const { options, services, applied, staged, pskSecret } = draft
  const { random } = services
  // the joiner verifies with the key of our new leaf
  const signer = options.leaf?.signer ?? options.signer
  const inform = (how: GroupInfoOptions | undefined) => signedGroupInfo(child, signer, how ?? {}, random)
  const groupInfo = options.groupInfo === undefined ? undefined : await inform(options.groupInfo)
  const { suite } = child
  const { added, psks } = applied
  const welcome =
    added.length === 0
      ? undefined
      : await createWelcome({
          suite,
          added,
          groupInfo: await inform(options.welcome),
          joinerSecret,
          pskSecret,
          psks,
          staged,
          random,
        })
  return { welcome, groupInfo: groupInfo && { wireFormat: 'mls_group_info', groupInfo } }
}
