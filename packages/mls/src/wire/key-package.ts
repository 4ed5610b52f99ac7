/** RFC 9420 §10 `KeyPackage`. */
import type { Reader } from '../codec/reader.ts'
import { encodeWhole, type Writer } from '../codec/writer.ts'
import { decodeExtensions, type Extension, encodeExtensions } from './extension.ts'
import { decodeLeafNode, encodeLeafNode, type LeafNode } from './leaf-node.ts'

export interface KeyPackageContent {
  readonly version: number
  readonly cipherSuite: number
  readonly initKey: Uint8Array
  readonly leafNode: LeafNode
  readonly extensions: readonly Extension[]
}

export interface KeyPackage extends KeyPackageContent {
  readonly signature: Uint8Array
}

/** A key package but for its signature: `KeyPackageTBS`. */
export function encodeKeyPackageContent(writer: Writer, keyPackage: KeyPackageContent): void {
  writer.uint16(keyPackage.version).uint16(keyPackage.cipherSuite).opaque(keyPackage.initKey)
  encodeLeafNode(writer, keyPackage.leafNode)
  encodeExtensions(writer, keyPackage.extensions)
}

/** Room for a key package with a credential and extensions of common size. */
export const KEY_PACKAGE_SIZE_HINT = 512

/** `KeyPackageTBS` */
export function keyPackageTbs(keyPackage: KeyPackageContent): Uint8Array {
  return encodeWhole(keyPackage, encodeKeyPackageContent, KEY_PACKAGE_SIZE_HINT)
}

export function encodeKeyPackage(writer: Writer, keyPackage: KeyPackage): void {
  encodeKeyPackageContent(writer, keyPackage)
  writer.opaque(keyPackage.signature)
}

export function decodeKeyPackage(reader: Reader): KeyPackage {
  return {
    version: reader.uint16(),
    cipherSuite: reader.uint16(),
    initKey: reader.opaque(),
    leafNode: decodeLeafNode(reader),
    extensions: decodeExtensions(reader),
    signature: reader.opaque(),
  }
}

/** The encoded key package; what its KeyPackageRef hashes. */
export function keyPackageBytes(keyPackage: KeyPackage): Uint8Array {
  return encodeWhole(keyPackage, encodeKeyPackage, KEY_PACKAGE_SIZE_HINT)
}
