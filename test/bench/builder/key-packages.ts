/** Key packages of many members that will never act, quickly: for groups that are created by one commit. */
import type { CipherSuite } from '@dmls/crypto'
import { utf8 } from '@dmls/crypto'
import {
  defaultCapabilities,
  type KeyPackageContent,
  keyPackageTbs,
  type LeafNodeContent,
  leafNodeTbs,
  mlsMessageBytes,
  Writer,
} from '@dmls/mls'
import { type SyntheticSigner, syntheticBytes, syntheticSigner } from './synthetic-keys.ts'
import { LIFETIME } from './warm-group.ts'

/** `count` encoded MLSMessages. */
export function syntheticKeyPackages(suite: CipherSuite, count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => syntheticKeyPackage(suite, i))
}

function syntheticKeyPackage(suite: CipherSuite, number: number): Uint8Array {
  const signer = syntheticSigner('guest', number)
  const leaf: LeafNodeContent = {
    encryptionKey: syntheticBytes('guest encryption key', number),
    signatureKey: signer.publicKey,
    credential: { credentialType: 'basic', identity: utf8(`guest ${number}`) },
    capabilities: defaultCapabilities(suite.id, 1),
    source: { leafNodeSource: 'key_package', lifetime: LIFETIME },
    extensions: [],
  }
  const content: KeyPackageContent = {
    version: 1,
    cipherSuite: suite.id,
    initKey: syntheticBytes('guest init key', number),
    leafNode: { ...leaf, signature: signed(signer, 'LeafNodeTBS', leafNodeTbs(leaf, undefined)) },
    extensions: [],
  }
  const signature = signed(signer, 'KeyPackageTBS', keyPackageTbs(content))
  return mlsMessageBytes({ wireFormat: 'mls_key_package', keyPackage: { ...content, signature } })
}

function signed(signer: SyntheticSigner, label: string, content: Uint8Array): Uint8Array {
  return signer.sign(
    new Writer(content.length + 64)
      .opaque(utf8(`MLS 1.0 ${label}`))
      .opaque(content)
      .finish(),
  )
}
