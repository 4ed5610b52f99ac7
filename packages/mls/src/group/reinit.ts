/**
 * Groups that continue a group (RFC 9420 §11.2, §11.3): recreating a reinitialised group, and branching a subgroup. Each is
 * a group of one whose first commit adds the others and injects the old group's resumption PSK. Joining such groups:
 * `joinGroup` with `previous`; what it checks: `succession.ts`.
 */
import { type CipherSuite, type Signer, wipe } from '@dmls/crypto'
import { usage } from '../errors.ts'
import type { Extension } from '../wire/extension.ts'
import type { KeyPackage } from '../wire/key-package.ts'
import type { Lifetime } from '../wire/leaf-node.ts'
import { MLS10 } from '../wire/registry.ts'
import { askApplication } from './ask-application.ts'
import { createCommitAs } from './commit/create-commit.ts'
import { createGroup } from './create-group.ts'
import type { GroupInfoOptions, LeafOptions } from './options.ts'
import { policyOf } from './policy.ts'
import type { CommitCreated } from './results.ts'
import type { Services } from './services.ts'
import type { GroupState } from './state.ts'
import { covers } from './succession.ts'
import { wipeGroupState } from './wipe.ts'

interface NewGroup {
  /** Of our leaf in the new group. */
  readonly signer: Signer
  readonly leaf: LeafOptions
  readonly lifetime: Lifetime
  /** A fresh KeyPackage of each other member of the new group. */
  readonly keyPackages: readonly KeyPackage[]
  readonly welcome?: GroupInfoOptions
  readonly grease?: 'include' | 'omit'
}

export interface ReinitOptions extends NewGroup {
  /** The suite that the ReInit names. */
  readonly suite: CipherSuite
}

export interface BranchOptions extends NewGroup {
  readonly groupId: Uint8Array
  /** Default: those of the old group. */
  readonly extensions?: readonly Extension[]
}

/** A group that continues another, in its epoch 1. Its first commit has no other receiver than the Welcome's. */
export type SuccessorCreated = Pick<CommitCreated, 'child' | 'welcome' | 'groupInfo' | 'changes'>

/**
 * The first commit of the group that a ReInit announced; `child` is its epoch 1, and the Welcome is for everybody else.
 * @param old the epoch that the commit with the ReInit began
 * @throws MlsError `not_reinitialized`, `wrong_cipher_suite`, `unsupported_version`, `members_missing`
 */
export async function createReinitGroup(
  old: GroupState,
  options: ReinitOptions,
  services: Services,
): Promise<SuccessorCreated> {
  const { reinit } = old
  if (reinit === undefined) throw usage('not_reinitialized', 'the group was not reinitialised')
  if (reinit.version !== MLS10)
    throw usage('unsupported_version', 'the ReInit asks for a version that is not known here')
  if (options.suite.id !== reinit.cipherSuite)
    throw usage('wrong_cipher_suite', 'the ReInit asks for another cipher suite')
  const { groupId, extensions } = reinit
  const created = await succeed(old, { ...options, groupId, extensions }, options.suite, 'reinit', services)
  const { sameIdentity } = policyOf(services)
  // RFC 9420 §12.4.1: the new group has the same members
  if (!askApplication(() => covers(created.child.tree, old.tree, sameIdentity))) {
    wipeGroupState(created.child)
    throw usage('members_missing', 'a member of the old group has no key package here')
  }
  return created
}

/**
 * The first commit of a new group of some of this group's members, with the same version and cipher suite.
 * @throws MlsError `not_a_subset`
 */
export async function createBranch(
  old: GroupState,
  options: BranchOptions,
  services: Services,
): Promise<SuccessorCreated> {
  const extensions = options.extensions ?? old.context.extensions
  const created = await succeed(old, { ...options, extensions }, old.suite, 'branch', services)
  const { sameIdentity } = policyOf(services)
  // RFC 9420 §11.3: each member of the subgroup is one of the group
  if (!askApplication(() => covers(old.tree, created.child.tree, sameIdentity))) {
    wipeGroupState(created.child)
    throw usage('not_a_subset', 'a key package is of somebody who is not in the group')
  }
  return created
}

async function succeed(
  old: GroupState,
  options: NewGroup & { readonly groupId: Uint8Array; readonly extensions: readonly Extension[] },
  suite: CipherSuite,
  usage: 'reinit' | 'branch',
  services: Services,
): Promise<SuccessorCreated> {
  const { signer, leaf, lifetime, groupId, extensions } = options
  const grease = options.grease === undefined ? {} : { grease: options.grease }
  const { profile, context } = old
  const alone = await createGroup({ profile, suite, groupId, signer, leaf, lifetime, extensions, ...grease }, services)
  const psk = { pskType: 'resumption', usage, pskGroupId: context.groupId, pskEpoch: context.epoch } as const
  // RFC 9420 §8.4: the nonce MUST be a fresh random value of KDF.Nh bytes
  const pskNonce = services.random(suite.hashSize)
  const adds = options.keyPackages.map((keyPackage) => ({ proposalType: 'add', keyPackage }) as const)
  const proposals = [...adds, { proposalType: 'psk', psk: { psk, pskNonce } } as const]
  const welcome = options.welcome === undefined ? {} : { welcome: options.welcome }
  const commit = { signer, proposals, wireFormat: 'mls_public_message', ...welcome } as const
  try {
    const {
      child,
      welcome: sent,
      groupInfo,
      changes,
      created,
    } = await createCommitAs(alone, commit, services, { usage, from: old })
    wipe(...created)
    return { child, welcome: sent, groupInfo, changes }
  } finally {
    wipeGroupState(alone)
  }
}
