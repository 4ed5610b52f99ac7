/**
 * Where `ts-mls` 1.6.4 differs from RFC 9420 on the wire, or leaves a step to its caller, a group with it is possible
 * only if the caller helps. The help is here and nowhere else; `peer-faults.test.ts` shows each fault without it.
 */
import { equalBytes, toHex } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import type { CiphersuiteImpl, ClientState, Extension, GroupInfo, Proposal, ProposalWithSender } from 'ts-mls'
import { getOwnLeafNode } from 'ts-mls/clientState.js'
import { encode } from 'ts-mls/codec/tlsEncoder.js'
import { decodeVarLenData, varLenDataEncoder } from 'ts-mls/codec/variableLength.js'
import { createGroupInfo, createGroupInfoWithRatchetTree } from 'ts-mls/createCommit.js'
import { signWithLabel } from 'ts-mls/crypto/signature.js'
import { leafNodeTBSEncoder } from 'ts-mls/leafNode.js'
import { updateLeafKey } from 'ts-mls/privateKeyPath.js'
import type { TreeDelivery } from '../interop-member.ts'

export interface SignatureKeys {
  readonly publicKey: Uint8Array
  readonly signKey: Uint8Array
}

/**
 * RFC 9420 §5.1.2: a public key of ECDSA is an uncompressed point. The peer's key generation compresses it, so for these
 * suites it is computed anew from the private key.
 */
export async function signatureKeys(cipherSuite: number, impl: CiphersuiteImpl): Promise<SignatureKeys> {
  const keys = await impl.signature.keygen()
  const usesEcdsa = impl.name.endsWith('_P256') || impl.name.endsWith('_P384') || impl.name.endsWith('_P521')
  if (!usesEcdsa) return keys
  const publicKey = await nodeProvider.cipherSuite(cipherSuite).signaturePublicKey(keys.signKey)
  return { publicKey, signKey: keys.signKey }
}

/**
 * RFC 9420 §12.4.3.2: the data of `external_pub` are a struct with an HPKEPublicKey, a vector with its length. The peer
 * writes and reads the bare key.
 */
export async function externalGroupInfo(
  state: ClientState,
  tree: TreeDelivery,
  impl: CiphersuiteImpl,
): Promise<GroupInfo> {
  const { publicKey } = await impl.hpke.deriveKeyPair(state.keySchedule.externalSecret)
  const extensionData = encode(varLenDataEncoder)(await impl.hpke.exportPublicKey(publicKey))
  const extensions: Extension[] = [{ extensionType: 'external_pub', extensionData }]
  const { groupContext, confirmationTag, ratchetTree } = state
  return tree === 'included'
    ? createGroupInfoWithRatchetTree(groupContext, confirmationTag, state, ratchetTree, extensions, impl)
    : createGroupInfo(groupContext, confirmationTag, state, extensions, impl)
}

/** The suite, but it takes the content of `external_pub` for the key that is in it. */
export function readingExternalPub(impl: CiphersuiteImpl, groupInfo: GroupInfo): CiphersuiteImpl {
  const data = groupInfo.extensions.find(({ extensionType }) => extensionType === 'external_pub')?.extensionData
  if (data === undefined) return impl
  const [inner] = decodeVarLenData(data, 0) ?? [data]
  const importPublicKey = (key: Uint8Array) => impl.hpke.importPublicKey(equalBytes(key, data) ? inner : key)
  return { ...impl, hpke: { ...impl.hpke, importPublicKey } }
}

/**
 * Updates of our own leaf (RFC 9420 §12.1.2). The peer sends a proposal that it is given, but does not make the leaf and
 * does not keep its private key until somebody commits it.
 */
export class OwnUpdates {
  /** Private keys by public key. */
  readonly #keys = new Map<string, Uint8Array>()

  async propose(state: ClientState, impl: CiphersuiteImpl): Promise<Proposal> {
    const { privateKey, publicKey } = await impl.hpke.generateKeyPair()
    const hpkePublicKey = await impl.hpke.exportPublicKey(publicKey)
    this.#keys.set(toHex(hpkePublicKey), await impl.hpke.exportPrivateKey(privateKey))
    const { signaturePublicKey, credential, capabilities, extensions } = getOwnLeafNode(state)
    const content = { hpkePublicKey, signaturePublicKey, credential, capabilities, extensions }
    const position = { groupId: state.groupContext.groupId, leafIndex: state.privatePath.leafIndex }
    const tbs = encode(leafNodeTBSEncoder)({ ...content, ...position, leafNodeSource: 'update' })
    const signature = await signWithLabel(state.signaturePrivateKey, 'LeafNodeTBS', tbs, impl.signature)
    return { proposalType: 'update', update: { leafNode: { ...content, leafNodeSource: 'update', signature } } }
  }

  /** The state with the private key of the Update that a commit with these proposals brings into force. */
  apply(state: ClientState, proposals: readonly ProposalWithSender[]): ClientState {
    const own = state.privatePath.leafIndex
    for (const { proposal, senderLeafIndex } of proposals) {
      if (senderLeafIndex !== own || !('update' in proposal)) continue
      const key = this.#keys.get(toHex(proposal.update.leafNode.hpkePublicKey))
      if (key !== undefined) return { ...state, privatePath: updateLeafKey(state.privatePath, key) }
    }
    return state
  }
}

/**
 * RFC 9420 §12.4.2: a member that a commit removes has no place in the new epoch. The peer looks whether its leaf is
 * blank, which it is not if the same commit adds somebody there.
 */
export function leafIsTakenOver(state: ClientState, proposals: readonly ProposalWithSender[]): boolean {
  const own = state.privatePath.leafIndex
  const removed = proposals.some(({ proposal }) => 'remove' in proposal && proposal.remove.removed === own)
  return removed && proposals.some(({ proposal }) => proposal.proposalType === 'add')
}
