/**
 * The state of one epoch of one group, as one member sees it (RFC 9420 §8, §12). Immutable: every step returns a new
 * state. It holds secrets: between states of one epoch buffers may be shared, and the step that makes the newer state
 * names the ones that only the older state holds (`superseded`); states of two epochs never share a secret buffer.
 *
 * Private signature keys are not in it: whoever sends passes a `Signer`.
 */
import type { CipherSuite } from '@dmls/crypto'
import type { EpochSecrets } from '../schedule/key-schedule.ts'
import type { PuncturableTree } from '../schedule/puncturable-tree.ts'
import type { SecretTree } from '../schedule/secret-tree.ts'
import type { RatchetTree } from '../tree/ratchet-tree.ts'
import type { PathKeys } from '../tree/treekem.ts'
import type { Extension } from '../wire/extension.ts'
import type { Sender, WireFormat } from '../wire/framing.ts'
import type { GroupContext } from '../wire/group-context.ts'
import type { LeafNode } from '../wire/leaf-node.ts'
import type { Proposal } from '../wire/proposal.ts'
import type { InitKey, Profile } from './profile.ts'

/** The secrets of RFC 9420 §8, table 4, that live as long as the epoch; KDF.Nh bytes each. */
export type RetainedSecrets = Omit<EpochSecrets, 'encryptionSecret'>

/** A proposal that was sent in this epoch and may be committed by reference (RFC 9420 §12.1). */
export interface CachedProposal {
  /** ProposalRef, KDF.Nh bytes. */
  readonly reference: Uint8Array
  readonly proposal: Proposal
  readonly sender: Sender
  readonly wireFormat: WireFormat
  readonly authenticatedData: Uint8Array
}

/** The private key of an Update of our own that nobody has committed yet. */
export interface PendingUpdate {
  /** ProposalRef of the Update, KDF.Nh bytes. */
  readonly reference: Uint8Array
  readonly leafNode: LeafNode
  /** HPKE private key that belongs to `leafNode.encryptionKey`. Secret. */
  readonly encryptionPrivateKey: Uint8Array
}

/** The parameters of a ReInit (RFC 9420 §12.1.5). A group whose last commit carried one sends nothing any more. */
export interface ReinitParameters {
  readonly groupId: Uint8Array
  readonly version: number
  readonly cipherSuite: number
  readonly extensions: readonly Extension[]
}

export interface GroupState {
  readonly profile: Profile
  readonly suite: CipherSuite
  readonly context: GroupContext
  /** The encoded `context`. */
  readonly contextBytes: Uint8Array
  /** What the profile names the epoch with: the 8-byte number, or `dmls_epoch`. */
  readonly epochId: Uint8Array
  readonly tree: RatchetTree
  readonly ownLeaf: number
  /** HPKE private keys of our leaf and of the nodes above it that we know, by node index. Secret. */
  readonly keys: PathKeys
  /** Secret. */
  readonly secrets: RetainedSecrets
  /** Secret. */
  readonly secretTree: SecretTree
  /** Root `application_export_secret` of the safe exporter (MLS extensions draft §4.4). Secret. */
  readonly exporterTree: PuncturableTree
  /** What starts child epochs. Secret. */
  readonly initKey: InitKey
  readonly interimTranscriptHash: Uint8Array
  /** Of the commit that began this epoch; for epoch 0 the one of RFC 9420 §11. */
  readonly confirmationTag: Uint8Array
  /** Proposals sent in this epoch, by the hexadecimal ProposalRef, in the order of arrival. */
  readonly proposals: ReadonlyMap<string, CachedProposal>
  /** Secret. */
  readonly pendingUpdates: readonly PendingUpdate[]
  /** Hashes (KDF.Nh bytes) of the commits that we made in this epoch, so that their echo is recognised. */
  readonly ownCommits: readonly Uint8Array[]
  /** Set when the commit that began this epoch carried a ReInit: the group must not send any more (RFC 9420 §12.4.2). */
  readonly reinit: ReinitParameters | undefined
}
