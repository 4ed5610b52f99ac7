/**
 * RFC 9420 §11.1 `RequiredCapabilities`, and what a group's GroupContext extensions demand of every member's
 * capabilities (§7.3, §13.4).
 */
import { decodeWhole, type Reader } from '../codec/reader.ts'
import { encodeWhole, type Writer } from '../codec/writer.ts'
import { malformed } from '../errors.ts'
import { type Extension, findExtension } from '../wire/extension.ts'
import { ExtensionType, ProposalType } from '../wire/registry.ts'

export interface RequiredCapabilities {
  readonly extensionTypes: readonly number[]
  readonly proposalTypes: readonly number[]
  readonly credentialTypes: readonly number[]
}

function encodeUint16s(writer: Writer, values: readonly number[]): void {
  writer.vector(values, (w, value) => w.uint16(value))
}

export function encodeRequiredCapabilities(writer: Writer, required: RequiredCapabilities): void {
  encodeUint16s(writer, required.extensionTypes)
  encodeUint16s(writer, required.proposalTypes)
  encodeUint16s(writer, required.credentialTypes)
}

export function decodeRequiredCapabilities(reader: Reader): RequiredCapabilities {
  const uint16 = (r: Reader): number => r.uint16()
  return {
    extensionTypes: reader.vector(uint16),
    proposalTypes: reader.vector(uint16),
    credentialTypes: reader.vector(uint16),
  }
}

/** The `required_capabilities` extension with this content. */
export function requiredCapabilitiesExtension(required: RequiredCapabilities): Extension {
  return {
    extensionType: ExtensionType.requiredCapabilities,
    extensionData: encodeWhole(required, encodeRequiredCapabilities),
  }
}

/** The content of a `required_capabilities` extension, or undefined where there is none. @throws MlsError malformed */
export function requiredCapabilitiesOf(extensions: readonly Extension[]): RequiredCapabilities | undefined {
  const data = findExtension(extensions, ExtensionType.requiredCapabilities)
  return data && decodeWhole(data, decodeRequiredCapabilities)
}

/** What each member must list: types that every client has by default are left out (RFC 9420 §7.2). */
export interface MemberDemands {
  readonly extensions: readonly number[]
  readonly proposals: readonly number[]
  readonly credentials: readonly number[]
}

const NO_DEMANDS: MemberDemands = { extensions: [], proposals: [], credentials: [] }

/** What a group with these GroupContext extensions demands. @throws MlsError `duplicate_extension` and malformed content */
export function memberDemands(groupExtensions: readonly Extension[]): MemberDemands {
  if (groupExtensions.length === 0) return NO_DEMANDS
  checkExtensionsDistinct(groupExtensions)
  const required = requiredCapabilitiesOf(groupExtensions)
  const types = groupExtensions.map((extension) => extension.extensionType)
  return {
    extensions: [...types, ...(required?.extensionTypes ?? [])].filter((type) => !isDefaultExtension(type)),
    proposals: (required?.proposalTypes ?? []).filter((type) => !isDefaultProposal(type)),
    credentials: required?.credentialTypes ?? [],
  }
}

/** @throws MlsError `duplicate_extension` */
export function checkExtensionsDistinct(extensions: readonly Extension[]): void {
  if (extensions.length < 2) return
  if (new Set(extensions.map((extension) => extension.extensionType)).size !== extensions.length) {
    throw malformed('duplicate_extension', 'a list has two extensions of one type') // RFC 9420 §13.4
  }
}

const DEFAULT_EXTENSIONS: ReadonlySet<number> = new Set(Object.values(ExtensionType))
const DEFAULT_PROPOSALS: ReadonlySet<number> = new Set(Object.values(ProposalType))

/** Whether every client has an extension type without listing it, RFC 9420 §7.2. */
export function isDefaultExtension(extensionType: number): boolean {
  return DEFAULT_EXTENSIONS.has(extensionType)
}

/** Whether every client has a proposal type without listing it, RFC 9420 §7.2. */
export function isDefaultProposal(proposalType: number): boolean {
  return DEFAULT_PROPOSALS.has(proposalType)
}
