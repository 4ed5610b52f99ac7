/** Translating what a test asks for into the values of `ts-mls`, and its bytes into messages. */
import type { Extension } from '@dmls/mls'
import {
  type Capabilities,
  type CiphersuiteImpl,
  type CiphersuiteName,
  type ContentTypeName,
  ciphersuites,
  decodeMlsMessage,
  defaultCapabilities,
  defaultExtensionTypes,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  type MLSMessage,
  type MlsPrivateMessage,
  type MlsPublicMessage,
  type Extension as PeerExtension,
  type PreSharedKeyID,
  type Proposal,
  type RatchetTree,
} from 'ts-mls'
import { decodeRatchetTree } from 'ts-mls/ratchetTree.js'
import { EXTENSION_TYPES } from '../common.ts'
import type { ProposalRequest, PskName } from '../interop-member.ts'

export function suiteName(id: number): CiphersuiteName {
  const found = Object.entries(ciphersuites).find(([, value]) => value === id)
  if (found === undefined) throw new Error(`ts-mls does not know suite ${id}`)
  return found[0] as CiphersuiteName
}

/** @throws DependencyError for a suite whose libraries are not installed */
export function suiteOf(id: number): Promise<CiphersuiteImpl> {
  return getCiphersuiteImpl(getCiphersuiteFromName(suiteName(id)))
}

/** The peer's own, GREASE included, and the extensions of the tests. */
export function capabilities(): Capabilities {
  const own = defaultCapabilities()
  return { ...own, extensions: [...own.extensions, ...EXTENSION_TYPES] }
}

export function peerExtensions(extensions: readonly Extension[]): PeerExtension[] {
  return extensions.map(({ extensionType, extensionData }) => {
    const named = Object.entries(defaultExtensionTypes).find(([, value]) => value === extensionType)
    const type = named === undefined ? extensionType : (named[0] as keyof typeof defaultExtensionTypes)
    return { extensionType: type, extensionData }
  })
}

export function pskIdOf(name: PskName, pskNonce: Uint8Array): PreSharedKeyID {
  if (name.pskType === 'external') return { psktype: 'external', pskId: name.pskId, pskNonce }
  const { groupId: pskGroupId, epoch: pskEpoch } = name
  return { psktype: 'resumption', usage: 'application', pskGroupId, pskEpoch, pskNonce }
}

export function proposalOf(request: ProposalRequest, impl: CiphersuiteImpl): Proposal {
  switch (request.type) {
    case 'add': {
      const message = messageIn(request.keyPackage, 'mls_key_package')
      return { proposalType: 'add', add: { keyPackage: message.keyPackage } }
    }
    case 'remove':
      return { proposalType: 'remove', remove: { removed: request.leafIndex } }
    case 'psk': {
      const preSharedKeyId = pskIdOf(request.psk, impl.rng.randomBytes(impl.kdf.size))
      return { proposalType: 'psk', psk: { preSharedKeyId } }
    }
    case 'group_context_extensions': {
      const extensions = peerExtensions(request.extensions)
      return { proposalType: 'group_context_extensions', groupContextExtensions: { extensions } }
    }
    case 'reinit': {
      const { groupId, cipherSuite } = request
      const extensions = peerExtensions(request.extensions)
      return {
        proposalType: 'reinit',
        reinit: { groupId, version: 'mls10', cipherSuite: suiteName(cipherSuite), extensions },
      }
    }
  }
}

/** The peer's decoded values are views of what it reads, so it gets a copy. */
export function decodeMessage(bytes: Uint8Array): MLSMessage {
  const decoded = decodeMlsMessage(bytes.slice(), 0)
  if (decoded === undefined) throw new Error('ts-mls cannot read the message')
  if (decoded[1] !== bytes.length) throw new Error('ts-mls does not read the whole message')
  return decoded[0]
}

export function messageIn<W extends MLSMessage['wireformat']>(
  bytes: Uint8Array,
  wireformat: W,
): Extract<MLSMessage, { wireformat: W }> {
  const message = decodeMessage(bytes)
  if (!isOf(message, wireformat)) throw new Error(`expected ${wireformat}, not ${message.wireformat}`)
  return message
}

function isOf<W extends MLSMessage['wireformat']>(
  message: MLSMessage,
  wireformat: W,
): message is Extract<MLSMessage, { wireformat: W }> {
  return message.wireformat === wireformat
}

export function contentTypeOf(message: MlsPrivateMessage | MlsPublicMessage): ContentTypeName {
  return message.wireformat === 'mls_private_message'
    ? message.privateMessage.contentType
    : message.publicMessage.content.contentType
}

export function treeIn(bytes: Uint8Array): RatchetTree {
  const decoded = decodeRatchetTree(bytes.slice(), 0)
  if (decoded === undefined) throw new Error('ts-mls cannot read the tree')
  return decoded[0]
}
