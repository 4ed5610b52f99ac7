/** RFC 9420 §12.4.3.1 `Welcome` and `GroupSecrets`. */
import type { HpkeCiphertext } from '@dmls/crypto'
import type { Reader } from '../codec/reader.ts'
import type { Writer } from '../codec/writer.ts'
import { decodeHpkeCiphertext, encodeHpkeCiphertext } from './commit.ts'
import { decodePreSharedKeyId, encodePreSharedKeyId, type PreSharedKeyId } from './psk.ts'

export interface EncryptedGroupSecrets {
  /** KeyPackageRef of the new member, KDF.Nh bytes. */
  readonly newMember: Uint8Array
  readonly encryptedGroupSecrets: HpkeCiphertext
}

export interface Welcome {
  readonly cipherSuite: number
  readonly secrets: readonly EncryptedGroupSecrets[]
  readonly encryptedGroupInfo: Uint8Array
}

export interface GroupSecrets {
  readonly joinerSecret: Uint8Array
  readonly pathSecret: Uint8Array | undefined
  readonly psks: readonly PreSharedKeyId[]
}

/** About as many bytes as {@link encodeWelcome} writes. */
export function welcomeSizeHint({ secrets, encryptedGroupInfo }: Welcome): number {
  const [one] = secrets
  if (one === undefined) return 16 + encryptedGroupInfo.length
  const { kemOutput, ciphertext } = one.encryptedGroupSecrets
  const each = 6 + one.newMember.length + kemOutput.length + ciphertext.length
  return 16 + encryptedGroupInfo.length + secrets.length * each
}

export function encodeWelcome(writer: Writer, welcome: Welcome): void {
  writer
    .uint16(welcome.cipherSuite)
    .vector(welcome.secrets, (w, entry) => {
      w.opaque(entry.newMember)
      encodeHpkeCiphertext(w, entry.encryptedGroupSecrets)
    })
    .opaque(welcome.encryptedGroupInfo)
}

export function decodeWelcome(reader: Reader): Welcome {
  return {
    cipherSuite: reader.uint16(),
    secrets: reader.vector((r) => ({ newMember: r.opaque(), encryptedGroupSecrets: decodeHpkeCiphertext(r) })),
    encryptedGroupInfo: reader.opaque(),
  }
}

export function encodeGroupSecrets(writer: Writer, secrets: GroupSecrets): void {
  writer
    .opaque(secrets.joinerSecret)
    .optional(secrets.pathSecret, (w, pathSecret) => w.opaque(pathSecret))
    .vector(secrets.psks, encodePreSharedKeyId)
}

export function decodeGroupSecrets(reader: Reader): GroupSecrets {
  return {
    joinerSecret: reader.opaque(),
    pathSecret: reader.optional((r) => r.opaque()),
    psks: reader.vector(decodePreSharedKeyId),
  }
}
