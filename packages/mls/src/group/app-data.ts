/**
 * Application components of the MLS extensions draft: the `app_data_dictionary` extension (§4.6), the lists that
 * negotiate components (§5), Safe AAD (§4.9) and the labels of the safe application interface (§4.1). What a component
 * stores is the application's business.
 */
import { utf8 } from '@dmls/crypto'
import { decodeWhole, Reader } from '../codec/reader.ts'
import { encodeWhole, Writer } from '../codec/writer.ts'
import { malformed, usage } from '../errors.ts'
import { type Extension, findExtension } from '../wire/extension.ts'
import type { Capabilities, LeafNode } from '../wire/leaf-node.ts'

/** Extension type `app_data_dictionary`. */
export const APP_DATA_DICTIONARY = 0x0006

/** Registered components (MLS extensions draft, "MLS Component Types"). 0x8000 and above are for private use. */
export const ComponentId = {
  appComponents: 0x0001,
  safeAad: 0x0002,
  contentMediaTypes: 0x0003,
  lastResortKeyPackage: 0x0004,
  appAck: 0x0005,
} as const

export interface ComponentData {
  readonly componentId: number
  readonly data: Uint8Array
}

/** Entries sorted by component, each component once. */
export type AppDataDictionary = readonly ComponentData[]

function encodeEntries(writer: Writer, entries: readonly ComponentData[]): void {
  let last = -1
  for (const { componentId } of entries) {
    if (componentId <= last) throw usage('unsorted_components', 'components must be sorted, each at most once')
    last = componentId
  }
  writer.vector(entries, (w, entry) => w.uint16(entry.componentId).opaque(entry.data))
}

function decodeEntries(reader: Reader): ComponentData[] {
  const entries = reader.vector((r) => ({ componentId: r.uint16(), data: r.opaque() }))
  for (let i = 1; i < entries.length; i++) {
    if ((entries[i]?.componentId as number) <= (entries[i - 1]?.componentId as number)) {
      throw malformed('unsorted_components', 'components are not sorted, or one appears twice')
    }
  }
  return entries
}

export function appDataDictionaryExtension(dictionary: AppDataDictionary): Extension {
  return { extensionType: APP_DATA_DICTIONARY, extensionData: encodeWhole(dictionary, encodeEntries) }
}

/** The dictionary in a list of extensions; empty without one. @throws MlsError `unsorted_components` */
export function appDataDictionaryOf(extensions: readonly Extension[]): AppDataDictionary {
  const data = findExtension(extensions, APP_DATA_DICTIONARY)
  return data === undefined ? [] : decodeWhole(data, decodeEntries)
}

/** The data of one component, or undefined. */
export function componentDataOf(extensions: readonly Extension[], componentId: number): Uint8Array | undefined {
  return appDataDictionaryOf(extensions).find((entry) => entry.componentId === componentId)?.data
}

/** The dictionary with one component's data set, or with the component removed. */
export function withComponentData(
  dictionary: AppDataDictionary,
  componentId: number,
  data: Uint8Array | undefined,
): AppDataDictionary {
  const others = dictionary.filter((entry) => entry.componentId !== componentId)
  if (data === undefined) return others
  return [...others, { componentId, data }].sort((a, b) => a.componentId - b.componentId)
}

/** The extensions with this dictionary in the place of the one that they have, or at the end. */
export function withDictionary(extensions: readonly Extension[], dictionary: AppDataDictionary): readonly Extension[] {
  const extension = appDataDictionaryExtension(dictionary)
  const at = extensions.findIndex((each) => each.extensionType === APP_DATA_DICTIONARY)
  return at === -1 ? [...extensions, extension] : extensions.with(at, extension)
}

/** Components of the draft that this library has a part in itself. */
const UNDERSTOOD: readonly number[] = [ComponentId.appComponents, ComponentId.safeAad, ComponentId.lastResortKeyPackage]

/**
 * The extensions of a leaf whose capabilities are given. Whoever lists the dictionary advertises the components that it
 * understands (§4.6): where the application does not say which, they are those of the library, with a GREASE value (§5.1).
 */
export function withAdvertisedComponents(
  capabilities: Capabilities,
  extensions: readonly Extension[],
  grease: readonly number[],
): readonly Extension[] {
  if (!capabilities.extensions.includes(APP_DATA_DICTIONARY)) return extensions
  const dictionary = appDataDictionaryOf(extensions)
  if (dictionary.some(({ componentId }) => componentId === ComponentId.appComponents)) return extensions
  const advertised = componentsListBytes([...UNDERSTOOD, ...grease])
  return withDictionary(extensions, withComponentData(dictionary, ComponentId.appComponents, advertised))
}

/**
 * Components that a GroupContext requires of everybody and that a leaf does not advertise. What follows from it is the
 * application's to say, in `reviewCommit` for instance. @throws MlsError if a dictionary is malformed
 */
export function missingComponents(leaf: LeafNode, groupExtensions: readonly Extension[]): readonly number[] {
  const listed = (extensions: readonly Extension[]): readonly number[] => {
    const data = componentDataOf(extensions, ComponentId.appComponents)
    return data === undefined ? [] : decodeComponentsList(data)
  }
  const advertised = listed(leaf.extensions)
  return listed(groupExtensions).filter((componentId) => !advertised.includes(componentId))
}

/** `ComponentsList`: the data of `app_components` and `safe_aad`. */
export function componentsListBytes(componentIds: readonly number[]): Uint8Array {
  return encodeWhole(componentIds, (writer, ids) => writer.vector(ids, (w, id) => w.uint16(id)))
}

export function decodeComponentsList(bytes: Uint8Array): number[] {
  return decodeWhole(bytes, (reader) => reader.vector((r) => r.uint16()))
}

/** `SafeAAD`: what `authenticated_data` begins with in a group whose GroupContext has the `safe_aad` component. */
export function safeAadBytes(items: readonly ComponentData[]): Uint8Array {
  return encodeWhole(items, encodeEntries)
}

/** Reads a SafeAAD from the front of `authenticated_data`; `rest` is what follows it. @throws MlsError if malformed. */
export function readSafeAad(authenticatedData: Uint8Array): { items: ComponentData[]; rest: Uint8Array } {
  const reader = new Reader(authenticatedData)
  const items = decodeEntries(reader)
  return { items, rest: reader.fixed(reader.remaining) }
}

/**
 * `ComponentOperationLabel` (§4.1): what a component passes as the label of `SignWithLabel` and `EncryptWithLabel`, as
 * bytes.
 */
export function componentOperationLabel(componentId: number, label: string): Uint8Array {
  return new Writer().opaque(utf8('MLS Component')).uint16(componentId).opaque(utf8(label)).finish()
}
