/** RFC 9420 §5.3 `Credential`. An unknown type keeps its bytes: whether it is acceptable is the Authentication Service's business. */
import type { Reader } from '../codec/reader.ts'
import type { Writer } from '../codec/writer.ts'
import { CredentialType } from './registry.ts'

export type Credential =
  | { readonly credentialType: 'basic'; readonly identity: Uint8Array }
  /** DER certificates, the end entity's first. */
  | { readonly credentialType: 'x509'; readonly certificates: readonly Uint8Array[] }
  /** A type this library does not know: an opaque vector, as RFC 9420 §5.3 lets new types be read by old readers. */
  | { readonly credentialType: 'other'; readonly type: number; readonly content: Uint8Array }

/** The registered value of a credential's type. */
export function credentialTypeOf(credential: Credential): number {
  switch (credential.credentialType) {
    case 'basic':
      return CredentialType.basic
    case 'x509':
      return CredentialType.x509
    case 'other':
      return credential.type
  }
}

export function encodeCredential(writer: Writer, credential: Credential): void {
  writer.uint16(credentialTypeOf(credential))
  switch (credential.credentialType) {
    case 'basic':
      writer.opaque(credential.identity)
      return
    case 'x509':
      writer.vector(credential.certificates, (w, certificate) => w.opaque(certificate))
      return
    case 'other':
      writer.opaque(credential.content)
  }
}

export function decodeCredential(reader: Reader): Credential {
  const type = reader.uint16()
  switch (type) {
    case CredentialType.basic:
      return { credentialType: 'basic', identity: reader.opaque() }
    case CredentialType.x509:
      return { credentialType: 'x509', certificates: reader.vector((r) => r.opaque()) }
    default:
      return { credentialType: 'other', type, content: reader.opaque() }
  }
}
