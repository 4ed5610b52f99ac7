/**
 * Opening an epoch: everything that is derived from an epoch_secret (RFC 9420 §8), and the step from one epoch to the
 * next. No proposals and no trees are looked at here; the caller has already computed them.
 */
import { type CipherSuite, wipe } from '@dmls/crypto'
import type { Scratch } from '../codec/scratch.ts'
import { invalid } from '../errors.ts'
import { deriveEpochSecret, deriveEpochSecrets, deriveJoinerSecret } from '../schedule/key-schedule.ts'
import type { PuncturableTree } from '../schedule/puncturable-tree.ts'
import { createExporterTree } from '../schedule/safe-exporter.ts'
import { createSecretTree, type SecretTree } from '../schedule/secret-tree.ts'
import { confirmationTag, confirmedTranscriptHash, interimTranscriptHash } from '../schedule/transcript-hash.ts'
import type { Extension } from '../wire/extension.ts'
import type { FramedContent, WireFormat } from '../wire/framing.ts'
import { type GroupContext, groupContextBytes } from '../wire/group-context.ts'
import type { InitKey, Profile } from './profile.ts'
import type { GroupState, RetainedSecrets } from './state.ts'

/** What an epoch holds besides its tree and its public values. */
export interface OpenedEpoch {
  readonly secrets: RetainedSecrets
  readonly secretTree: SecretTree
  readonly exporterTree: PuncturableTree
  readonly initKey: InitKey
  readonly epochId: Uint8Array
}

/** Derives an epoch's secrets from its epoch_secret, which is overwritten (RFC 9420 §9.2). */
export function openEpoch(
  profile: Profile,
  suite: CipherSuite,
  epochSecret: Uint8Array,
  context: GroupContext,
  leafCount: number,
): OpenedEpoch {
  const { encryptionSecret, ...secrets } = deriveEpochSecrets(suite, epochSecret)
  const secretTree = createSecretTree(suite, encryptionSecret, leafCount)
  const exporterTree = createExporterTree(suite, epochSecret)
  const { initKey, epochId } = profile.openEpoch(suite, epochSecret, context)
  encryptionSecret.fill(0)
  epochSecret.fill(0)
  return { secrets, secretTree, exporterTree, initKey, epochId }
}

/** Overwrites what an epoch holds, for one that turns out not to be wanted. */
export function wipeOpenedEpoch(opened: OpenedEpoch): void {
  wipe(...Object.values(opened.secrets))
  opened.secretTree.wipe()
  opened.exporterTree.wipe()
  opened.initKey.wipe()
}

/** Overwrites what a commit led to that is not taken up after all: the child, and the parent's key after it. */
export function wipeNextEpoch(next: NextEpoch): void {
  wipeOpenedEpoch(next.opened)
  wipe(next.joinerSecret, ...next.created)
}

/** What a commit brings to the key schedule. The caller owns the secrets and wipes them. */
export interface EpochStep {
  /** Of the parent epoch. */
  readonly suite: CipherSuite
  readonly profile: Profile
  readonly context: GroupContext
  readonly interimTranscriptHash: Uint8Array
  /** The child's: tree hash, number of leaves and extensions. */
  readonly treeHash: Uint8Array
  readonly leafCount: number
  readonly extensions: readonly Extension[]
  /** Where transcripts are laid out; a tree has one. */
  readonly scratch: Scratch
  /** The commit, signed; its confirmation tag is not known yet. */
  readonly commit: {
    readonly wireFormat: WireFormat
    readonly content: FramedContent
    readonly auth: { readonly signature: Uint8Array }
  }
  readonly commitSecret: Uint8Array
  readonly lastPathSecret: Uint8Array | undefined
  readonly pskSecret: Uint8Array
  /** The parent's key for its children, or the init secret that an external commit brings (RFC 9420 §8.3). */
  readonly init:
    | { readonly from: 'parent'; readonly key: InitKey }
    | { readonly from: 'external'; readonly secret: Uint8Array }
}

export interface NextEpoch {
  readonly context: GroupContext
  readonly contextBytes: Uint8Array
  readonly opened: OpenedEpoch
  readonly confirmationTag: Uint8Array
  readonly interimTranscriptHash: Uint8Array
  /** KDF.Nh bytes; the caller owns it and wipes it (RFC 9420 §9.2). */
  readonly joinerSecret: Uint8Array
  /** What the parent keeps to start further children; undefined for an external commit, which leaves it as it was. */
  readonly parentInitKey: InitKey | undefined
  readonly superseded: readonly Uint8Array[]
  /** Buffers of `parentInitKey` that the parent's key does not hold: wipe them if the child is not taken up. */
  readonly created: readonly Uint8Array[]
}

/** `uint64 epoch` */
const EPOCH_MAX = 2n ** 64n - 1n

/**
 * The GroupContext of the next epoch but for its transcript hash: what path secrets are encrypted under (RFC 9420
 * §12.4.1). @throws MlsError `epochs_exhausted`: a Welcome can lead into an epoch that no other can follow
 */
export function provisionalContext(
  context: GroupContext,
  treeHash: Uint8Array,
  extensions: readonly Extension[],
): GroupContext {
  if (context.epoch >= EPOCH_MAX) throw invalid('epochs_exhausted', 'the epoch cannot be followed by another')
  return { ...context, epoch: context.epoch + 1n, treeHash, extensions }
}

/** RFC 9420 §8: transcript hash, GroupContext, joiner and epoch secret of the child, and its confirmation tag. */
export function deriveNextEpoch(step: EpochStep): NextEpoch {
  const { suite, profile, commitSecret, lastPathSecret, scratch } = step
  const confirmed = confirmedTranscriptHash(suite, step.interimTranscriptHash, step.commit, scratch)
  const context: GroupContext = {
    ...provisionalContext(step.context, step.treeHash, step.extensions),
    confirmedTranscriptHash: confirmed,
  }
  const contextBytes = groupContextBytes(context)
  const evaluated =
    step.init.from === 'parent'
      ? step.init.key.evaluate({ commitSecret, lastPathSecret, childGroupContext: contextBytes })
      : { initSecret: step.init.secret.slice(), next: undefined, superseded: [], created: [] }
  const joinerSecret = deriveJoinerSecret(suite, evaluated.initSecret, commitSecret, contextBytes)
  evaluated.initSecret.fill(0)
  const epochSecret = deriveEpochSecret(suite, joinerSecret, step.pskSecret, contextBytes)
  const opened = openEpoch(profile, suite, epochSecret, context, step.leafCount)
  const tag = confirmationTag(suite, opened.secrets.confirmationKey, confirmed)
  return {
    context,
    contextBytes,
    opened,
    confirmationTag: tag,
    interimTranscriptHash: interimTranscriptHash(suite, confirmed, tag, scratch),
    joinerSecret,
    parentInitKey: evaluated.next,
    superseded: evaluated.superseded,
    created: evaluated.created,
  }
}

/** A state at the beginning of an epoch, in which nothing has been said yet. */
export function freshState(
  parts: Pick<
    GroupState,
    | 'profile'
    | 'suite'
    | 'context'
    | 'contextBytes'
    | 'tree'
    | 'ownLeaf'
    | 'keys'
    | 'interimTranscriptHash'
    | 'confirmationTag'
    | 'reinit'
  >,
  opened: OpenedEpoch,
): GroupState {
  return {
    profile: parts.profile,
    suite: parts.suite,
    context: parts.context,
    contextBytes: parts.contextBytes,
    tree: parts.tree,
    ownLeaf: parts.ownLeaf,
    keys: parts.keys,
    interimTranscriptHash: parts.interimTranscriptHash,
    confirmationTag: parts.confirmationTag,
    reinit: parts.reinit,
    secrets: opened.secrets,
    secretTree: opened.secretTree,
    exporterTree: opened.exporterTree,
    initKey: opened.initKey,
    epochId: opened.epochId,
    proposals: new Map(),
    pendingUpdates: [],
    ownCommits: [],
  }
}
