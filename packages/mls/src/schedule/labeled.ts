/**
 * The labelled operations of RFC 9420 §5 and §8: what every other derivation, signature and encryption is built on.
 * ExpandWithLabel is the hottest function of the library, so its input is written into one array of the exact size and
 * the labels of the protocol are encoded once.
 */
import type { CipherSuite, HpkeCiphertext, HpkeSealing, RandomSource, Signer } from '@dmls/crypto'
import { utf8 } from '@dmls/crypto'
import { opaqueSize, type Structure, Writer } from '../codec/writer.ts'
import { usage } from '../errors.ts'

function encodeLabel(label: string): Uint8Array {
  const bytes = utf8(`MLS 1.0 ${label}`)
  return new Writer(opaqueSize(bytes.length)).opaque(bytes).finish()
}

/** `opaque label<V>` of the labels that RFC 9420 and the decentralized profile use. A constant table, not a cache. */
const LABELS: ReadonlyMap<string, Uint8Array> = new Map(
  [
    // RFC 9420 §8, §8.4, §8.5
    ...['joiner', 'welcome', 'epoch', 'init', 'sender data', 'encryption', 'exporter', 'external', 'confirm'],
    ...['membership', 'resumption', 'authentication', 'derived psk', 'exported'],
    // RFC 9420 §7.4, §9, §6.3.2, §12.4.3.1
    ...['path', 'node', 'tree', 'handshake', 'application', 'nonce', 'key', 'secret'],
    // RFC 9420 §17.6, §17.7
    ...['FramedContentTBS', 'LeafNodeTBS', 'KeyPackageTBS', 'GroupInfoTBS', 'UpdatePathNode', 'Welcome'],
    // the decentralized profile and the safe exporter
    ...['parent_init', 'conf', 'child_init', 'pprf', 'application_export'],
  ].map((label) => [label, encodeLabel(label)]),
)

function labelField(label: string): Uint8Array {
  return LABELS.get(label) ?? encodeLabel(label)
}

function labeled(label: string, content: Uint8Array): Uint8Array {
  return withLabel(labelField(label), content)
}

/** `opaque label<V>; opaque content<V>`. The result is for reading at once: it is a view where the content is a structure. */
function withLabel(field: Uint8Array, content: Uint8Array | Structure): Uint8Array {
  if (content instanceof Uint8Array) {
    return new Writer(field.length + opaqueSize(content.length)).fixed(field).opaque(content).finish()
  }
  return new Writer(field.length + opaqueSize(content.sizeHint)).fixed(field).opaqueOf(content.encode).written()
}

/** RFC 9420 §8 `KDFLabel`, encoded: what ExpandWithLabel expands with. */
export function kdfLabel(label: string, context: Uint8Array, length: number): Uint8Array {
  if (length > 0xffff) throw usage('length_too_long', 'a derived secret is at most 65535 bytes')
  const field = labelField(label)
  const fieldEnd = 2 + field.length
  const contextSize = context.length
  if (contextSize >= 0x40) {
    const writer = new Writer(fieldEnd + opaqueSize(contextSize))
    return writer.uint16(length).fixed(field).opaque(context).finish()
  }
  const info = new Uint8Array(fieldEnd + 1 + contextSize)
  info[0] = length >>> 8
  info[1] = length
  info.set(field, 2)
  info[fieldEnd] = contextSize
  if (contextSize > 0) info.set(context, fieldEnd + 1)
  return info
}

/** RFC 9420 §8 `ExpandWithLabel`: `length` bytes. @throws MlsError `length_too_long` beyond 65535 */
export function expandWithLabel(
  suite: CipherSuite,
  secret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array {
  return suite.expand(secret, kdfLabel(label, context, length), length)
}

const NO_CONTEXT = new Uint8Array(0)

/** The expansion inputs of {@link deriveSecret}, by KDF.Nh (RFC 9420 §17.1) and label. A constant table, not a cache. */
const DERIVATIONS: ReadonlyMap<number, ReadonlyMap<string, Uint8Array>> = new Map(
  [32, 48, 64].map((hashSize) => [
    hashSize,
    new Map(Array.from(LABELS.keys(), (label) => [label, kdfLabel(label, NO_CONTEXT, hashSize)])),
  ]),
)

/** RFC 9420 §8 `DeriveSecret`: KDF.Nh bytes. */
export function deriveSecret(suite: CipherSuite, secret: Uint8Array, label: string): Uint8Array {
  const size = suite.hashSize
  const info = DERIVATIONS.get(size)?.get(label) ?? kdfLabel(label, NO_CONTEXT, size)
  return suite.expand(secret, info, size)
}

/** RFC 9420 §9.1 `DeriveTreeSecret`: `length` bytes for one generation. */
export function deriveTreeSecret(
  suite: CipherSuite,
  secret: Uint8Array,
  label: string,
  generation: number,
  length: number,
): Uint8Array {
  const field = labelField(label)
  const info = new Uint8Array(field.length + 7)
  info[0] = length >>> 8
  info[1] = length
  info.set(field, 2)
  const at = field.length + 2
  info[at] = 4
  info[at + 1] = generation >>> 24
  info[at + 2] = generation >>> 16
  info[at + 3] = generation >>> 8
  info[at + 4] = generation
  return suite.expand(secret, info, length)
}

/** RFC 9420 §5.2 `RefHash`: KDF.Nh bytes. The label is given whole, as the RFC writes it. */
export function refHash(suite: CipherSuite, label: string, value: Uint8Array | Structure): Uint8Array {
  const bytes = utf8(label)
  const field = new Writer(opaqueSize(bytes.length)).opaque(bytes).finish()
  return suite.hash(withLabel(field, value))
}

/** RFC 9420 §5.2 `KeyPackageRef` of an encoded KeyPackage. */
export function keyPackageRef(suite: CipherSuite, keyPackage: Uint8Array | Structure): Uint8Array {
  return refHash(suite, 'MLS 1.0 KeyPackage Reference', keyPackage)
}

/** RFC 9420 §5.2 `ProposalRef` of the encoded AuthenticatedContent that carries the proposal. */
export function proposalRef(suite: CipherSuite, authenticatedContent: Uint8Array): Uint8Array {
  return refHash(suite, 'MLS 1.0 Proposal Reference', authenticatedContent)
}

/** RFC 9420 §5.1.2 `SignWithLabel` */
export function signWithLabel(signer: Signer, label: string, content: Uint8Array | Structure): Promise<Uint8Array> {
  return signer.sign(withLabel(labelField(label), content))
}

/** RFC 9420 §5.1.2 `VerifyWithLabel` */
export function verifyWithLabel(
  suite: CipherSuite,
  publicKey: Uint8Array,
  label: string,
  content: Uint8Array | Structure,
  signature: Uint8Array,
): Promise<boolean> {
  return suite.verify(publicKey, withLabel(labelField(label), content), signature)
}

/** RFC 9420 §5.1.3 `EncryptWithLabel` */
export function encryptWithLabel(
  suite: CipherSuite,
  publicKey: Uint8Array,
  label: string,
  context: Uint8Array,
  plaintext: Uint8Array,
  random: RandomSource,
): Promise<HpkeCiphertext> {
  return suite.hpkeSeal(publicKey, labeled(label, context), NO_CONTEXT, plaintext, random)
}

/** RFC 9420 §5.1.3 `EncryptWithLabel` to many under one label and context. The ciphertexts are in the order of the sealings. */
export function encryptToAllWithLabel(
  suite: CipherSuite,
  sealings: readonly HpkeSealing[],
  label: string,
  context: Uint8Array,
  random: RandomSource,
): Promise<HpkeCiphertext[]> {
  return suite.hpkeSealAll(sealings, labeled(label, context), NO_CONTEXT, random)
}

/** RFC 9420 §5.1.3 `DecryptWithLabel`. @throws CryptoError `open_failed` */
export function decryptWithLabel(
  suite: CipherSuite,
  privateKey: Uint8Array,
  label: string,
  context: Uint8Array,
  ciphertext: HpkeCiphertext,
): Promise<Uint8Array> {
  return suite.hpkeOpen(privateKey, ciphertext, labeled(label, context), NO_CONTEXT)
}
