/**
 * Self-certifying identities: the identity is a signature public key of the client's suite, and it certifies the key
 * that signs in one group (RFC 9420 §5.3 basic credential). There is no provider to trust; who a key belongs to is a
 * matter of pinning, above this file.
 */
import {
  type CipherSuite,
  type CryptoProvider,
  type RandomSource,
  type Signer,
  signerFromPrivateKey,
  systemRandom,
  utf8,
  wipe,
} from '@dmls/crypto'
import { type Credential, decodeWhole, invalid, Writer } from '@dmls/mls'
import type { Authenticator, Store } from './ports.ts'

export interface Identity {
  /** The identity: a signature public key of the client's suite. */
  readonly publicKey: Uint8Array
  readonly signer: Signer
}

/** A fresh identity with the private key to keep. The key is secret; {@link loadOrCreateIdentity} keeps it in a store. */
export async function createIdentity(
  suite: CipherSuite,
  random: RandomSource = systemRandom,
): Promise<{ readonly identity: Identity; readonly privateKey: Uint8Array }> {
  const { privateKey } = await suite.generateSignatureKeyPair(random)
  return { identity: await identityFromPrivateKey(suite, privateKey), privateKey }
}

export async function identityFromPrivateKey(suite: CipherSuite, privateKey: Uint8Array): Promise<Identity> {
  const signer = await signerFromPrivateKey(suite, privateKey)
  return { publicKey: signer.publicKey, signer }
}

const IDENTITY_KEY: Uint8Array = utf8('identity')

/** The identity kept in a store, made on first use. The default suite is 1. */
export async function loadOrCreateIdentity(
  store: Store,
  provider: CryptoProvider,
  options: { readonly cipherSuite?: number; readonly random?: RandomSource } = {},
): Promise<Identity> {
  const suite = provider.cipherSuite(options.cipherSuite ?? 1)
  const kept = await store.get(IDENTITY_KEY)
  if (kept !== undefined) return identityFromPrivateKey(suite, kept).finally(() => wipe(kept))
  const { identity, privateKey } = await createIdentity(suite, options.random)
  await store.write([{ type: 'put', key: IDENTITY_KEY, value: privateKey }])
  wipe(privateKey)
  return identity
}

/** What the identity key signs: the certificate of a key that signs in groups. */
function certificateContent(identity: Uint8Array, signatureKey: Uint8Array): Uint8Array {
  return new Writer().opaque(utf8('DMLS 1.0 GroupSignatureKey')).opaque(identity).opaque(signatureKey).finish()
}

/** A basic credential whose identity field is `opaque identity_key<V>; opaque certificate<V>`. */
export async function certifyGroupKey(identity: Identity, signatureKey: Uint8Array): Promise<Credential> {
  const certificate = await identity.signer.sign(certificateContent(identity.publicKey, signatureKey))
  return {
    credentialType: 'basic',
    identity: new Writer().opaque(identity.publicKey).opaque(certificate).finish(),
  }
}

function readCertificate(credential: Credential): { readonly identity: Uint8Array; readonly certificate: Uint8Array } {
  if (credential.credentialType !== 'basic') {
    throw invalid('credential_unsupported', 'the credential is not a self-certifying one')
  }
  return decodeWhole(credential.identity, (reader) => ({ identity: reader.opaque(), certificate: reader.opaque() }))
}

/** The Authentication Service that needs nobody: a credential is good when the identity key in it signed the group key. */
export function selfCertifyingAuthenticator(suite: CipherSuite): Authenticator {
  return {
    identity: (credential) => readCertificate(credential).identity,
    authenticate: async (credential, signatureKey) => {
      const { identity, certificate } = readCertificate(credential)
      if (!(await suite.verify(identity, certificateContent(identity, signatureKey), certificate))) {
        throw invalid('credential_not_certified', 'the identity key did not certify this signature key')
      }
    },
  }
}
