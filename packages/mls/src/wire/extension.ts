/** RFC 9420 §13 `Extension`: a type and opaque data, kept uninterpreted here. */
import type { Reader } from '../codec/reader.ts'
import { opaqueSize, type Writer } from '../codec/writer.ts'

export interface Extension {
  readonly extensionType: number
  readonly extensionData: Uint8Array
}

export function encodeExtension(writer: Writer, extension: Extension): void {
  writer.uint16(extension.extensionType).opaque(extension.extensionData)
}

export function decodeExtension(reader: Reader): Extension {
  return { extensionType: reader.uint16(), extensionData: reader.opaque() }
}

/** How many bytes the extensions take, without the header in front of all of them. */
export function extensionsSize(extensions: readonly Extension[]): number {
  let size = 0
  for (const { extensionData } of extensions) size += 2 + opaqueSize(extensionData.length)
  return size
}

export function encodeExtensions(writer: Writer, extensions: readonly Extension[]): void {
  writer.vector(extensions, encodeExtension)
}

export function decodeExtensions(reader: Reader): Extension[] {
  return reader.vector(decodeExtension)
}

/** The data of the first extension of a type, or undefined. */
export function findExtension(extensions: readonly Extension[], extensionType: number): Uint8Array | undefined {
  return extensions.find((extension) => extension.extensionType === extensionType)?.extensionData
}
