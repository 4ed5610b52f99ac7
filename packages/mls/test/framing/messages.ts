/** One small group's epoch, as far as framing needs it: alice at leaf 0, bob at leaf 1, leaf 2 blank. */
import { type CipherSuite, type Signer, signerFromPrivateKey, systemRandom } from '@dmls/crypto'
import { signContent } from '../../src/framing/authenticated-content.ts'
import { noPadding, type PaddingPolicy } from '../../src/framing/padding.ts'
import { protectPrivate, type UnprotectPrivateOptions } from '../../src/framing/private-message.ts'
import { createSecretTree, SECRET_TREE_LIMITS, type SecretTree } from '../../src/schedule/secret-tree.ts'
import type { AuthenticatedContent, Content, PrivateMessage, Sender, WireFormat } from '../../src/wire/framing.ts'
import { groupContextBytes } from '../../src/wire/group-context.ts'

export const ALICE = 0
export const BOB = 1
export const BLANK = 2

export interface Epoch {
  readonly suite: CipherSuite
  readonly groupContext: Uint8Array
  readonly signer: Signer
  readonly senderDataSecret: Uint8Array
  readonly membershipKey: Uint8Array
  readonly secretTree: SecretTree
}

export const GROUP_ID: Uint8Array = Uint8Array.from([1, 2, 3])
export const EPOCH = 7n

export async function openEpoch(suite: CipherSuite): Promise<Epoch> {
  const { privateKey } = await suite.generateSignatureKeyPair(systemRandom)
  const fill = (byte: number) => new Uint8Array(suite.hashSize).fill(byte)
  return {
    suite,
    groupContext: groupContextBytes({
      version: 1,
      cipherSuite: suite.id,
      groupId: GROUP_ID,
      epoch: EPOCH,
      treeHash: fill(1),
      confirmedTranscriptHash: fill(2),
      extensions: [],
    }),
    signer: await signerFromPrivateKey(suite, privateKey),
    senderDataSecret: fill(3),
    membershipKey: fill(4),
    secretTree: createSecretTree(suite, fill(5), 4),
  }
}

export const APPLICATION: Content = { contentType: 'application', applicationData: Uint8Array.from([104, 105]) }
export const PROPOSAL: Content = { contentType: 'proposal', proposal: { proposalType: 'remove', removed: 1 } }
export const COMMIT: Content = { contentType: 'commit', commit: { proposals: [], path: undefined } }

/** Signed content as its sender would make it; a commit gets some confirmation tag. */
export async function signed(
  epoch: Epoch,
  wireFormat: WireFormat,
  content: Content,
  sender: Sender = { senderType: 'member', leafIndex: ALICE },
): Promise<AuthenticatedContent> {
  const framed = { groupId: GROUP_ID, epoch: EPOCH, sender, authenticatedData: Uint8Array.from([9]), content }
  const signature = await signContent(epoch.signer, framed, wireFormat, epoch.groupContext)
  const confirmationTag = content.contentType === 'commit' ? new Uint8Array(epoch.suite.hashSize).fill(6) : undefined
  return { wireFormat, content: framed, auth: { signature, confirmationTag } }
}

export async function encrypted(
  epoch: Epoch,
  content: Content,
  sender?: Sender,
  padding: PaddingPolicy = noPadding,
): Promise<PrivateMessage> {
  const authenticatedContent = await signed(epoch, 'mls_private_message', content, sender)
  const { senderDataSecret, secretTree } = epoch
  return protectPrivate(epoch.suite, {
    senderDataSecret,
    secretTree,
    authenticatedContent,
    padding,
    random: systemRandom,
  }).message
}

export function receiving(epoch: Epoch, message: PrivateMessage): UnprotectPrivateOptions {
  return {
    senderDataSecret: epoch.senderDataSecret,
    secretTree: epoch.secretTree,
    message,
    limits: SECRET_TREE_LIMITS,
    leafExists: (leafIndex) => leafIndex === ALICE || leafIndex === BOB,
  }
}

/** The same bytes with one bit flipped. */
export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = bytes.slice()
  copy[at] = (copy[at] as number) ^ 1
  return copy
}
