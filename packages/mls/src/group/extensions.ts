/**
 * Two of the extensions that RFC 9420 defines: `external_senders` (§12.1.8.1) of a GroupContext and `external_pub`
 * (§12.4.3.2) of a GroupInfo. The others: `tree/required-capabilities.ts`, `tree/ratchet-tree-extension.ts`.
 */
import { decodeWhole } from '../codec/reader.ts'
import { encodeWhole } from '../codec/writer.ts'
import { type Credential, decodeCredential, encodeCredential } from '../wire/credential.ts'
import { type Extension, findExtension } from '../wire/extension.ts'
import { ExtensionType } from '../wire/registry.ts'

/** RFC 9420 §12.1.8.1 `ExternalSender` */
export interface ExternalSender {
  readonly signatureKey: Uint8Array
  readonly credential: Credential
}

export function externalSendersExtension(senders: readonly ExternalSender[]): Extension {
  const extensionData = encodeWhole(senders, (writer, values) => {
    writer.vector(values, (w, sender) => {
      w.opaque(sender.signatureKey)
      encodeCredential(w, sender.credential)
    })
  })
  return { extensionType: ExtensionType.externalSenders, extensionData }
}

/** The `external_senders` of a GroupContext; empty without one. @throws MlsError if its data are malformed. */
export function externalSendersOf(extensions: readonly Extension[]): readonly ExternalSender[] {
  const data = findExtension(extensions, ExtensionType.externalSenders)
  if (data === undefined) return []
  return decodeWhole(data, (reader) =>
    reader.vector((r) => ({ signatureKey: r.opaque(), credential: decodeCredential(r) })),
  )
}

export function externalPubExtension(externalPub: Uint8Array): Extension {
  return {
    extensionType: ExtensionType.externalPub,
    extensionData: encodeWhole(externalPub, (writer, key) => writer.opaque(key)),
  }
}

/** The HPKE public key that external commits use, or undefined. @throws MlsError if its data are malformed. */
export function externalPubOf(extensions: readonly Extension[]): Uint8Array | undefined {
  const data = findExtension(extensions, ExtensionType.externalPub)
  return data === undefined ? undefined : decodeWhole(data, (reader) => reader.opaque())
}
