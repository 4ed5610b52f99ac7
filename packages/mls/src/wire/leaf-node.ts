/** RFC 9420 §7.2 `LeafNode`, `Capabilities` and `Lifetime`; the bytes that its signature covers. */
import type { Reader } from '../codec/reader.ts'
import { encodeWhole, opaqueSize, Writer } from '../codec/writer.ts'
import { malformed, usage } from '../errors.ts'
import { type Credential, decodeCredential, encodeCredential } from './credential.ts'
import { decodeExtensions, type Extension, encodeExtensions } from './extension.ts'

export interface Capabilities {
  readonly versions: readonly number[]
  readonly cipherSuites: readonly number[]
  readonly extensions: readonly number[]
  readonly proposals: readonly number[]
  readonly credentials: readonly number[]
}

/** Seconds since the Unix epoch, both inclusive. */
export interface Lifetime {
  readonly notBefore: bigint
  readonly notAfter: bigint
}

export type LeafNodeSource =
  | { readonly leafNodeSource: 'key_package'; readonly lifetime: Lifetime }
  | { readonly leafNodeSource: 'update' }
  | { readonly leafNodeSource: 'commit'; readonly parentHash: Uint8Array }

export interface LeafNodeContent {
  readonly encryptionKey: Uint8Array
  readonly signatureKey: Uint8Array
  readonly credential: Credential
  readonly capabilities: Capabilities
  readonly source: LeafNodeSource
  readonly extensions: readonly Extension[]
}

export interface LeafNode extends LeafNodeContent {
  readonly signature: Uint8Array
}

/** Where a leaf sits; part of what `update` and `commit` leaves sign (RFC 9420 §7.2 `LeafNodeTBS`). */
export interface LeafNodePosition {
  readonly groupId: Uint8Array
  readonly leafIndex: number
}

function encodeUint16s(writer: Writer, values: readonly number[]): void {
  writer.vector(values, (w, value) => w.uint16(value))
}

function decodeUint16s(reader: Reader): number[] {
  return reader.vector((r) => r.uint16())
}

export function encodeCapabilities(writer: Writer, capabilities: Capabilities): void {
  encodeUint16s(writer, capabilities.versions)
  encodeUint16s(writer, capabilities.cipherSuites)
  encodeUint16s(writer, capabilities.extensions)
  encodeUint16s(writer, capabilities.proposals)
  encodeUint16s(writer, capabilities.credentials)
}

export function decodeCapabilities(reader: Reader): Capabilities {
  return {
    versions: decodeUint16s(reader),
    cipherSuites: decodeUint16s(reader),
    extensions: decodeUint16s(reader),
    proposals: decodeUint16s(reader),
    credentials: decodeUint16s(reader),
  }
}

function encodeSource(writer: Writer, source: LeafNodeSource): void {
  switch (source.leafNodeSource) {
    case 'key_package':
      writer.uint8(1).uint64(source.lifetime.notBefore).uint64(source.lifetime.notAfter)
      return
    case 'update':
      writer.uint8(2)
      return
    case 'commit':
      writer.uint8(3).opaque(source.parentHash)
  }
}

function decodeSource(reader: Reader): LeafNodeSource {
  const source = reader.uint8()
  switch (source) {
    case 1:
      return { leafNodeSource: 'key_package', lifetime: { notBefore: reader.uint64(), notAfter: reader.uint64() } }
    case 2:
      return { leafNodeSource: 'update' }
    case 3:
      return { leafNodeSource: 'commit', parentHash: reader.opaque() }
    default:
      throw malformed('bad_leaf_node_source', 'a leaf node has an unknown source')
  }
}

export function encodeLeafNodeContent(writer: Writer, leaf: LeafNodeContent): void {
  writer.opaque(leaf.encryptionKey).opaque(leaf.signatureKey)
  encodeCredential(writer, leaf.credential)
  encodeCapabilities(writer, leaf.capabilities)
  encodeSource(writer, leaf.source)
  encodeExtensions(writer, leaf.extensions)
}

export function encodeLeafNode(writer: Writer, leaf: LeafNode): void {
  encodeLeafNodeContent(writer, leaf)
  writer.opaque(leaf.signature)
}

export function decodeLeafNode(reader: Reader): LeafNode {
  return {
    encryptionKey: reader.opaque(),
    signatureKey: reader.opaque(),
    credential: decodeCredential(reader),
    capabilities: decodeCapabilities(reader),
    source: decodeSource(reader),
    extensions: decodeExtensions(reader),
    signature: reader.opaque(),
  }
}

/** Room for a leaf node with a credential and extensions of common size, and for where it stands. */
export const LEAF_NODE_SIZE_HINT = 384

/**
 * `LeafNodeTBS` of RFC 9420 §7.2. A `key_package` leaf signs no position; the others need one. `bytes`: the encoded
 * LeafNode, where it is there; what is signed begins with all of it but the signature at its end.
 * @throws MlsError `position_needed`
 */
export function encodeLeafNodeTbs(
  writer: Writer,
  leaf: LeafNodeContent & { readonly signature?: Uint8Array },
  position: LeafNodePosition | undefined,
  bytes?: Uint8Array,
): void {
  if (bytes === undefined || leaf.signature === undefined) encodeLeafNodeContent(writer, leaf)
  else writer.fixed(bytes.subarray(0, bytes.length - opaqueSize(leaf.signature.length)))
  if (leaf.source.leafNodeSource === 'key_package') return
  if (position === undefined) throw usage('position_needed', 'this leaf node signs where it stands')
  writer.opaque(position.groupId).uint32(position.leafIndex)
}

/** `LeafNodeTBS`, encoded. @throws MlsError `position_needed` */
export function leafNodeTbs(leaf: LeafNodeContent, position: LeafNodePosition | undefined): Uint8Array {
  const writer = new Writer(LEAF_NODE_SIZE_HINT)
  encodeLeafNodeTbs(writer, leaf, position)
  return writer.finish()
}

/** The encoded leaf node. */
export function leafNodeBytes(leaf: LeafNode): Uint8Array {
  return encodeWhole(leaf, encodeLeafNode, LEAF_NODE_SIZE_HINT)
}
