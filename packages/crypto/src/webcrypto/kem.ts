/**
 * DHKEM by @hpke/core, which calls WebCrypto for the curves. Only its Encap and Decap are used: the rest of it takes
 * shorter inputs than RFC 9180 allows and gets the exporter wrong beyond 255 bytes. It is always given key pairs whose
 * public half is known, since on some browsers it guesses the sign of y when it must compute one.
 */

import {
  DhkemP256HkdfSha256,
  DhkemP384HkdfSha384,
  DhkemP521HkdfSha512,
  DhkemX25519HkdfSha256,
  type KemInterface,
} from '@hpke/core'
import { wipe } from '../bytes.ts'
import { guardedAsync, requireSize } from '../checks.ts'
import type { KeyPair } from '../cipher-suite.ts'
import { dhkemPrivateKeys } from '../dhkem-private-keys.ts'
import { CryptoError } from '../errors.ts'
import { hasLowOrder, requireMontgomeryPoint } from '../montgomery-points.ts'
import { requireNistPoint } from '../nist-points.ts'
import type { Kdf, Kem } from '../primitives.ts'
import { isNistCurve, KEM, type KemName } from '../suite-table.ts'
import { type CryptoKey, exportPublicKey, importPrivateKey, importPublicKey, publicKeyOf } from './keys.ts'

export type WebCryptoKemName = Exclude<KemName, 'X448'>

export function webCryptoKem(name: WebCryptoKemName, kdf: Kdf): Kem {
  const kem = createKem(name)
  const privateKeys = dhkemPrivateKeys(name, kdf)

  async function keyPair(privateKey: Uint8Array): Promise<KeyPair> {
    return { privateKey, publicKey: await publicKeyOf(name, 'agree', privateKey) }
  }

  async function importKeyPair(privateKey: Uint8Array): Promise<{ privateKey: CryptoKey; publicKey: CryptoKey }> {
    const key = await importPrivateKey(name, 'agree', privateKey, 'extractable')
    const publicKey = await exportPublicKey(name, key, privateKey)
    return { privateKey: key, publicKey: await importPublicKey(name, 'agree', publicKey) }
  }

  return {
    deriveKeyPair: async (ikm) => keyPair(privateKeys.derive(ikm)),
    generateKeyPair: async (random) => keyPair(privateKeys.generate(random)),
    validatePublicKey(publicKey) {
      if (isNistCurve(name)) requireNistPoint(name, publicKey)
      else requireMontgomeryPoint(name, publicKey)
    },
    async encap(publicKey, random) {
      requireAgreeable(name, publicKey)
      const ephemeral = privateKeys.generate(random)
      try {
        const [ekm, recipientPublicKey] = await Promise.all([
          importKeyPair(ephemeral),
          importPublicKey(name, 'agree', publicKey),
        ])
        const { sharedSecret, enc } = await guardedAsync('kem_failed', 'encapsulation failed', () =>
          kem.encap({ recipientPublicKey, ekm }),
        )
        return { sharedSecret: new Uint8Array(sharedSecret), enc: new Uint8Array(enc) }
      } finally {
        wipe(ephemeral)
      }
    },
    async decap(enc, privateKey) {
      const recipientKey = await importKeyPair(privateKey)
      return guardedAsync('kem_failed', 'decapsulation failed', async () => {
        requireKemOutput(name, enc)
        return new Uint8Array(await kem.decap({ enc: Uint8Array.from(enc), recipientKey }))
      })
    },
  }
}

function createKem(name: WebCryptoKemName): KemInterface {
  switch (name) {
    case 'X25519':
      return new DhkemX25519HkdfSha256()
    case 'P-256':
      return new DhkemP256HkdfSha256()
    case 'P-384':
      return new DhkemP384HkdfSha384()
    case 'P-521':
      return new DhkemP521HkdfSha512()
  }
}

/** RFC 9180 §7.1.4. @throws CryptoError `invalid_public_key`; `kem_failed` if the shared secret would be all zero */
function requireAgreeable(name: WebCryptoKemName, publicKey: Uint8Array): void {
  if (isNistCurve(name)) {
    requireNistPoint(name, publicKey)
  } else {
    requireSize(publicKey, KEM[name].publicKeySize, 'invalid_public_key', `${name} public key`)
    if (hasLowOrder(name, publicKey)) throw new CryptoError('kem_failed', 'the shared secret is zero')
  }
}

/** A KEM output is a public key that the sender chose: any fault in it is a failure of the KEM. */
function requireKemOutput(name: WebCryptoKemName, enc: Uint8Array): void {
  try {
    requireAgreeable(name, enc)
  } catch {
    throw new CryptoError('kem_failed', 'the KEM output is not a public key')
  }
}
