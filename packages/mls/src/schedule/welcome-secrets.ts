/**
 * RFC 9420 §12.4.3.1: the symmetric and asymmetric encryption inside a Welcome, and the signature of a GroupInfo. What
 * a joiner checks beyond that is the group's business.
 */
import { type CipherSuite, CryptoError, type HpkeCiphertext, type RandomSource, type Signer } from '@dmls/crypto'
import { decodeWhole, type Reader } from '../codec/reader.ts'
import { encodeWhole } from '../codec/writer.ts'
import { invalid, MlsError } from '../errors.ts'
import {
  decodeGroupInfo,
  encodeGroupInfo,
  type GroupInfo,
  type GroupInfoContent,
  groupInfoSizeHint,
  groupInfoTbs,
} from '../wire/group-info.ts'
import { decodeGroupSecrets, encodeGroupSecrets, type GroupSecrets } from '../wire/welcome.ts'
import { decryptWithLabel, encryptToAllWithLabel, expandWithLabel, signWithLabel, verifyWithLabel } from './labeled.ts'

const NOTHING = new Uint8Array(0)

/** `welcome_key` (AEAD.Nk bytes) and `welcome_nonce` (AEAD.Nn bytes). */
export function deriveWelcomeKey(
  suite: CipherSuite,
  welcomeSecret: Uint8Array,
): { readonly key: Uint8Array; readonly nonce: Uint8Array } {
  return {
    key: expandWithLabel(suite, welcomeSecret, 'key', NOTHING, suite.keySize),
    nonce: expandWithLabel(suite, welcomeSecret, 'nonce', NOTHING, suite.nonceSize),
  }
}

/** `encrypted_group_info` of a Welcome. */
export function encryptGroupInfo(suite: CipherSuite, welcomeSecret: Uint8Array, groupInfo: GroupInfo): Uint8Array {
  const { key, nonce } = deriveWelcomeKey(suite, welcomeSecret)
  const encrypted = suite.seal(
    key,
    nonce,
    NOTHING,
    encodeWhole(groupInfo, encodeGroupInfo, groupInfoSizeHint(groupInfo)),
  )
  key.fill(0)
  nonce.fill(0)
  return encrypted
}

/** @throws MlsError `group_info_open_failed`, `malformed_group_info` */
export function decryptGroupInfo(suite: CipherSuite, welcomeSecret: Uint8Array, encrypted: Uint8Array): GroupInfo {
  const { key, nonce } = deriveWelcomeKey(suite, welcomeSecret)
  try {
    return decodeInner(suite.open(key, nonce, NOTHING, encrypted), decodeGroupInfo, 'malformed_group_info')
  } catch (error) {
    throw openFailed(error, 'group_info_open_failed', 'the GroupInfo of the Welcome cannot be decrypted')
  } finally {
    key.fill(0)
    nonce.fill(0)
  }
}

/** One new member and what is for it alone. */
export interface NewMemberSecrets {
  readonly initKey: Uint8Array
  readonly groupSecrets: GroupSecrets
}

/** `encrypted_group_secrets` for each of the new members. */
export async function encryptGroupSecrets(
  suite: CipherSuite,
  newMembers: readonly NewMemberSecrets[],
  encryptedGroupInfo: Uint8Array,
  random: RandomSource,
): Promise<HpkeCiphertext[]> {
  const sealings = newMembers.map(({ initKey, groupSecrets }) => ({
    publicKey: initKey,
    plaintext: encodeWhole(groupSecrets, encodeGroupSecrets),
  }))
  try {
    return await encryptToAllWithLabel(suite, sealings, 'Welcome', encryptedGroupInfo, random)
  } finally {
    for (const { plaintext } of sealings) plaintext.fill(0)
  }
}

/** The caller owns the secrets in the result. @throws MlsError `group_secrets_open_failed`, `malformed_group_secrets` */
export async function decryptGroupSecrets(
  suite: CipherSuite,
  initPrivateKey: Uint8Array,
  encryptedGroupInfo: Uint8Array,
  ciphertext: HpkeCiphertext,
): Promise<GroupSecrets> {
  try {
    const plaintext = await decryptWithLabel(suite, initPrivateKey, 'Welcome', encryptedGroupInfo, ciphertext)
    return decodeInner(plaintext, decodeGroupSecrets, 'malformed_group_secrets')
  } catch (error) {
    throw openFailed(error, 'group_secrets_open_failed', 'the GroupSecrets of the Welcome cannot be decrypted')
  }
}

export async function signGroupInfo(signer: Signer, content: GroupInfoContent): Promise<GroupInfo> {
  return { ...content, signature: await signWithLabel(signer, 'GroupInfoTBS', groupInfoTbs(content)) }
}

/** The key is the signature key of the leaf that `signer` names. @throws MlsError `bad_group_info_signature` */
export async function verifyGroupInfoSignature(
  suite: CipherSuite,
  publicKey: Uint8Array,
  groupInfo: GroupInfo,
): Promise<void> {
  const valid = await verifyWithLabel(suite, publicKey, 'GroupInfoTBS', groupInfoTbs(groupInfo), groupInfo.signature)
  if (!valid) throw invalid('bad_group_info_signature', 'the signature of the GroupInfo is not valid') // RFC 9420 §12.4.3.1
}

/** Whoever relayed the Welcome could not see these bytes: a fault in them is never malformed, only invalid. */
function decodeInner<T>(plaintext: Uint8Array, decode: (reader: Reader) => T, code: string): T {
  try {
    return decodeWhole(plaintext, decode)
  } catch (error) {
    if (error instanceof MlsError)
      throw invalid(code, 'an encrypted part of the Welcome is malformed', { fault: error.code })
    throw error
  } finally {
    plaintext.fill(0)
  }
}

function openFailed(error: unknown, code: string, message: string): unknown {
  return error instanceof CryptoError ? invalid(code, message) : error
}
