/** What the steps are asked for: one options object a step. */
import type { CipherSuite, Signer } from '@dmls/crypto'
import type { PaddingPolicy } from '../framing/private-message.ts'
import type { RatchetTree } from '../tree/ratchet-tree.ts'
import type { Credential } from '../wire/credential.ts'
import type { Extension } from '../wire/extension.ts'
import type { WireFormat } from '../wire/framing.ts'
import type { GroupInfo } from '../wire/group-info.ts'
import type { KeyPackage } from '../wire/key-package.ts'
import type { Capabilities, Lifetime } from '../wire/leaf-node.ts'
import type { MlsMessage } from '../wire/mls-message.ts'
import type { Proposal } from '../wire/proposal.ts'
import type { PreSharedKeyId } from '../wire/psk.ts'
import type { Welcome } from '../wire/welcome.ts'
import type { Profile } from './profile.ts'
import type { GroupState } from './state.ts'

/** How one leaf presents itself. The signature key is the signer's. */
export interface LeafOptions {
  readonly credential: Credential
  /** Default: what this library supports with this suite and credential (`defaultCapabilities`). */
  readonly capabilities?: Capabilities
  readonly extensions?: readonly Extension[]
}

export interface KeyPackageOptions extends LeafOptions {
  readonly suite: CipherSuite
  readonly signer: Signer
  readonly lifetime: Lifetime
  readonly keyPackageExtensions?: readonly Extension[]
  /** Random values that receivers must ignore (RFC 9420 §13.5). Default: `include`. */
  readonly grease?: 'include' | 'omit'
  /** Marks it as one that may be used more than once (MLS extensions draft §7.5). Default: single use. */
  readonly use?: 'single' | 'last_resort'
}

/** A KeyPackage with its private keys. Secret; delete the init key after it was used (RFC 9420 §10). */
export interface KeyPackageBundle {
  readonly keyPackage: KeyPackage
  /** KeyPackageRef, KDF.Nh bytes. */
  readonly reference: Uint8Array
  readonly initPrivateKey: Uint8Array
  readonly encryptionPrivateKey: Uint8Array
}

export interface CreateGroupOptions {
  readonly profile: Profile
  readonly suite: CipherSuite
  readonly groupId: Uint8Array
  readonly signer: Signer
  readonly leaf: LeafOptions
  readonly lifetime: Lifetime
  /** GroupContext extensions. */
  readonly extensions?: readonly Extension[]
  /** Random values in the capabilities that receivers must ignore (RFC 9420 §13.5). Default: `include`. */
  readonly grease?: 'include' | 'omit'
}

/** How a message is framed. */
export interface FramingOptions {
  /** Of the epoch that the message is sent in. */
  readonly signer: Signer
  readonly authenticatedData?: Uint8Array
  /** Default: `mls_private_message`. */
  readonly wireFormat?: WireFormat
  /** Default: none. */
  readonly padding?: PaddingPolicy
}

export interface ApplicationOptions {
  readonly signer: Signer
  readonly authenticatedData?: Uint8Array
  readonly padding?: PaddingPolicy
  /**
   * RFC 9420 §12.4 has members commit the proposals that they have seen before they send application data. `ignore` is
   * for a layer that decides this by itself. Default: `refuse`.
   */
  readonly pendingProposals?: 'refuse' | 'ignore'
}

/** The committer's new leaf; what is absent stays as it is. */
export interface NewLeafOptions {
  /** A new signature key. The commit itself is still signed with the old one. */
  readonly signer?: Signer
  readonly credential?: Credential
  readonly capabilities?: Capabilities
  readonly extensions?: readonly Extension[]
}

/** What a GroupInfo carries besides the GroupContext. */
export interface GroupInfoOptions {
  /** Whether the ratchet tree travels in the GroupInfo. Default: `included`. */
  readonly ratchetTree?: 'included' | 'separate'
  /** Whether newcomers may join by an external commit with it. Default: `absent`. */
  readonly externalPub?: 'included' | 'absent'
  readonly extensions?: readonly Extension[]
  /** A random extension that receivers must ignore (RFC 9420 §13.5). Default: `include`. */
  readonly grease?: 'include' | 'omit'
}

export interface CommitOptions extends FramingOptions {
  /** Proposals that the commit carries by value, in this order, before the referenced ones. */
  readonly proposals?: readonly Proposal[]
  /**
   * Which cached proposals it refers to: none, all that fit together (those left out are reported), or exactly these
   * ProposalRefs (an error if they do not fit together). Default: `none`.
   */
  readonly references?: 'none' | 'all' | readonly Uint8Array[]
  /** Default: `always`. */
  readonly path?: 'always' | 'when_required'
  readonly leaf?: NewLeafOptions
  /** What the Welcome's GroupInfo carries, should the commit add anyone. */
  readonly welcome?: GroupInfoOptions
  /** Asks for a GroupInfo of the child besides. */
  readonly groupInfo?: GroupInfoOptions
}

export interface JoinOptions {
  readonly profile: Profile
  readonly suite: CipherSuite
  readonly welcome: Welcome
  /** Our KeyPackages that the Welcome may be for. */
  readonly keyPackages: readonly KeyPackageBundle[]
  /** Needed when the GroupInfo does not carry the tree. */
  readonly ratchetTree?: RatchetTree | Uint8Array
  /** Whether we are already in the group with this id (RFC 9420 §12.4.3.1). Default: we are in none. */
  readonly isMemberOf?: (groupId: Uint8Array) => boolean
  /** The old group, if the Welcome may come from a reinitialisation or a branch of it. */
  readonly previous?: GroupState
}

export interface JoinExternallyOptions extends LeafOptions {
  readonly profile: Profile
  readonly suite: CipherSuite
  readonly groupInfo: GroupInfo
  readonly ratchetTree?: RatchetTree | Uint8Array
  readonly signer: Signer
  readonly authenticatedData?: Uint8Array
  /** Our old leaf that the commit removes ("resync"). */
  readonly resync?: number
  readonly psks?: readonly PreSharedKeyId[]
  /** Pending SelfRemoves of the epoch, PublicMessages, which the commit must carry out (MLS extensions draft). */
  readonly selfRemoves?: readonly MlsMessage[]
  readonly isMemberOf?: (groupId: Uint8Array) => boolean
  /** Asks for a GroupInfo of the new epoch. */
  readonly childGroupInfo?: GroupInfoOptions
}
