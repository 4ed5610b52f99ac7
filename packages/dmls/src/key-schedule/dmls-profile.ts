/**
 * The profile that turns the state machine of RFC 9420 into the decentralized one (protocol §2): epochs named by their
 * secrets, and a parent that can start several children, each once.
 */
import type { CipherSuite } from '@dmls/crypto'
import {
  deriveSecret,
  expandWithLabel,
  type FramedContent,
  findExtension,
  type GroupContext,
  type InitInput,
  type InitKey,
  invalid,
  type Profile,
  type Reader,
  type Writer,
} from '@dmls/mls'
import { namesEpoch } from '../message/authenticated-data.ts'
import { DEFAULT_GROUP_POLICY, DMLS_POLICY_EXTENSION, decodeGroupPolicy } from '../message/group-policy.ts'
import { Pprf } from '../pprf/pprf.ts'

/** `DeriveSecret(epoch_secret, "epoch")`: KDF.Nh bytes that name the epoch. Public. */
export function deriveDmlsEpoch(suite: CipherSuite, epochSecret: Uint8Array): Uint8Array {
  return deriveSecret(suite, epochSecret, 'epoch')
}

/** `DeriveSecret(epoch_secret, "parent_init")`: KDF.Nh bytes, the key of the epoch's PPRF. */
export function deriveParentInitSecret(suite: CipherSuite, epochSecret: Uint8Array): Uint8Array {
  return deriveSecret(suite, epochSecret, 'parent_init')
}

/**
 * `DeriveSecret(path_secret[n], "conf")`: KDF.Nh bytes that every receiver of the commit gets to know. In a group of one
 * there is no path secret, and nobody else to know it: there it is derived from the commit_secret.
 */
export function deriveCommitConfirmation(
  suite: CipherSuite,
  { lastPathSecret, commitSecret }: Pick<InitInput, 'lastPathSecret' | 'commitSecret'>,
): Uint8Array {
  return deriveSecret(suite, lastPathSecret ?? commitSecret, 'conf')
}

/** `ExpandWithLabel(commit_confirmation, "child_init", GroupContext of the child, Nh)`: KDF.Nh bytes. */
export function derivePprfInput(
  suite: CipherSuite,
  commitConfirmation: Uint8Array,
  childGroupContext: Uint8Array,
): Uint8Array {
  return expandWithLabel(suite, commitConfirmation, 'child_init', childGroupContext, suite.hashSize)
}

/** An epoch's `parent_init_secret`: one init secret for each child, and none twice. */
class ParentInitKey implements InitKey {
  readonly #suite: CipherSuite
  readonly #pprf: Pprf

  constructor(suite: CipherSuite, pprf: Pprf) {
    this.#suite = suite
    this.#pprf = pprf
  }

  /** @throws MlsError `invalid`/`pprf_punctured` for a commit that this epoch has processed already */
  evaluate(input: InitInput): ReturnType<InitKey['evaluate']> {
    const confirmation = deriveCommitConfirmation(this.#suite, input)
    const pprfInput = derivePprfInput(this.#suite, confirmation, input.childGroupContext)
    confirmation.fill(0)
    try {
      const { output, next, superseded, created } = this.#pprf.evaluate(pprfInput)
      return { initSecret: output, next: new ParentInitKey(this.#suite, next), superseded, created }
    } finally {
      pprfInput.fill(0)
    }
  }

  encode(writer: Writer): void {
    this.#pprf.encode(writer)
  }

  wipe(): void {
    this.#pprf.wipe()
  }
}

function allowsExternalCommits(context: GroupContext): boolean {
  const data = findExtension(context.extensions, DMLS_POLICY_EXTENSION)
  const policy = data === undefined ? DEFAULT_GROUP_POLICY : decodeGroupPolicy(data)
  return policy.externalCommits === 'allowed'
}

function checkContent(content: FramedContent, context: GroupContext, epochId: Uint8Array): void {
  switch (content.sender.senderType) {
    case 'member':
      return
    case 'new_member_commit':
      // protocol §2: the external_secret of a retained epoch would recompute the child
      if (!allowsExternalCommits(context)) {
        throw invalid('external_commit_refused', 'the group does not take external commits')
      }
      return
    case 'external':
    case 'new_member_proposal':
      // protocol §4: RFC 9420 §6.1 signs these without a GroupContext, so they would count on every branch (scenario 4)
      if (!namesEpoch(content.authenticatedData, epochId)) {
        throw invalid('unbound_external_message', 'a sender outside the group does not name the epoch that it means')
      }
  }
}

/** The `dmls` profile (protocol §1). */
export const dmlsProfile: Profile = {
  name: 'dmls',
  // protocol §2: the child's secret is bound to the committer's path
  pathRequired: true,
  openEpoch(suite, epochSecret) {
    const key = deriveParentInitSecret(suite, epochSecret)
    const pprf = Pprf.fromKey(suite, key)
    key.fill(0)
    return { initKey: new ParentInitKey(suite, pprf), epochId: deriveDmlsEpoch(suite, epochSecret) }
  },
  decodeInitKey: (suite: CipherSuite, reader: Reader): InitKey => new ParentInitKey(suite, Pprf.decode(suite, reader)),
  checkContent,
}

/** The `dmls` profile; there is one for all groups. */
export function createDmlsProfile(): Profile {
  return dmlsProfile
}
