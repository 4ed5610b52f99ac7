/**
 * RFC 9420 §8, the key schedule: from a commit's secret to the secrets of an epoch, and §8.5, the exporter. The init
 * secret of the next epoch is the profile's business (`mls-profile.ts`); §8.4, pre-shared keys: `psk-secret.ts`.
 *
 * Nothing here wipes its inputs: each secret belongs to the caller, as do the results.
 */
import type { CipherSuite, KeyPair } from '@dmls/crypto'
import { deriveSecret, expandWithLabel } from './labeled.ts'

/** What RFC 9420 §8 derives from an epoch_secret for use within the epoch. KDF.Nh bytes each. */
export interface EpochSecrets {
  readonly senderDataSecret: Uint8Array
  /** The root of the secret tree: wipe it as soon as the tree is made. */
  readonly encryptionSecret: Uint8Array
  readonly exporterSecret: Uint8Array
  readonly epochAuthenticator: Uint8Array
  readonly externalSecret: Uint8Array
  readonly confirmationKey: Uint8Array
  readonly membershipKey: Uint8Array
  readonly resumptionPsk: Uint8Array
}

/** The all-zero secret that RFC 9420 §8 writes as `0`: KDF.Nh bytes. */
export function zeroSecret(suite: CipherSuite): Uint8Array {
  return new Uint8Array(suite.hashSize)
}

/** RFC 9420 §8 `joiner_secret`. The context is the encoded GroupContext of the new epoch. */
export function deriveJoinerSecret(
  suite: CipherSuite,
  initSecret: Uint8Array,
  commitSecret: Uint8Array,
  groupContext: Uint8Array,
): Uint8Array {
  const extracted = suite.extract(initSecret, commitSecret)
  const joinerSecret = expandWithLabel(suite, extracted, 'joiner', groupContext, suite.hashSize)
  extracted.fill(0)
  return joinerSecret
}

/** RFC 9420 §8 `welcome_secret`; the psk_secret is all zeros when no PSK is injected. */
export function deriveWelcomeSecret(suite: CipherSuite, joinerSecret: Uint8Array, pskSecret: Uint8Array): Uint8Array {
  const memberSecret = suite.extract(joinerSecret, pskSecret)
  const welcomeSecret = deriveSecret(suite, memberSecret, 'welcome')
  memberSecret.fill(0)
  return welcomeSecret
}

/** RFC 9420 §8 `epoch_secret`. The context is the encoded GroupContext of the new epoch. */
export function deriveEpochSecret(
  suite: CipherSuite,
  joinerSecret: Uint8Array,
  pskSecret: Uint8Array,
  groupContext: Uint8Array,
): Uint8Array {
  const memberSecret = suite.extract(joinerSecret, pskSecret)
  const epochSecret = expandWithLabel(suite, memberSecret, 'epoch', groupContext, suite.hashSize)
  memberSecret.fill(0)
  return epochSecret
}

/** RFC 9420 §8, table 4. Derive everything else that the epoch needs before wiping the epoch_secret (§9.2). */
export function deriveEpochSecrets(suite: CipherSuite, epochSecret: Uint8Array): EpochSecrets {
  return {
    senderDataSecret: deriveSecret(suite, epochSecret, 'sender data'),
    encryptionSecret: deriveSecret(suite, epochSecret, 'encryption'),
    exporterSecret: deriveSecret(suite, epochSecret, 'exporter'),
    epochAuthenticator: deriveSecret(suite, epochSecret, 'authentication'),
    externalSecret: deriveSecret(suite, epochSecret, 'external'),
    confirmationKey: deriveSecret(suite, epochSecret, 'confirm'),
    membershipKey: deriveSecret(suite, epochSecret, 'membership'),
    resumptionPsk: deriveSecret(suite, epochSecret, 'resumption'),
  }
}

/** RFC 9420 §8.5 `MLS-Exporter`: `length` bytes. @throws CryptoError `invalid_length` beyond 255 × KDF.Nh */
export function exportSecret(
  suite: CipherSuite,
  exporterSecret: Uint8Array,
  label: string,
  context: Uint8Array,
  length: number,
): Uint8Array {
  const labelSecret = deriveSecret(suite, exporterSecret, label)
  const exported = expandWithLabel(suite, labelSecret, 'exported', suite.hash(context), length)
  labelSecret.fill(0)
  return exported
}

/** RFC 9420 §8: the key pair whose private half the whole group holds, for external commits. */
export function deriveExternalKeyPair(suite: CipherSuite, externalSecret: Uint8Array): Promise<KeyPair> {
  return suite.deriveHpkeKeyPair(externalSecret)
}
