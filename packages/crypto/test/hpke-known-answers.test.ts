/**
 * HPKE against answers from elsewhere: the base mode vectors of RFC 9180, Appendix A, for the suites that occur there,
 * and for every suite the whole HPKE of @hpke/core, of which no provider uses more than the KEM.
 */

import { readFileSync } from 'node:fs'
import { type CipherSuite, CryptoError, fromHex, systemRandom, toHex, utf8 } from '@dmls/crypto'
import {
  Aes128Gcm,
  Aes256Gcm,
  DhkemP256HkdfSha256,
  DhkemP384HkdfSha384,
  DhkemP521HkdfSha512,
  DhkemX448HkdfSha512,
  DhkemX25519HkdfSha256,
  HkdfSha256,
  HkdfSha384,
  HkdfSha512,
  CipherSuite as HpkeCoreSuite,
} from '@hpke/core'
import { describe, expect, test } from 'vitest'
import { PROVIDERS, SUITES_UNDER_TEST } from './providers.ts'

interface BaseVector {
  readonly cipherSuite: number
  readonly info: string
  readonly ikmE: string
  readonly skEm: string
  readonly pkEm: string
  readonly ikmR: string
  readonly pkRm: string
  readonly skRm: string
  readonly enc: string
  readonly pt: string
  readonly aad: string
  readonly ct: string
  readonly exports: readonly { readonly exporterContext: string; readonly length: number; readonly exported: string }[]
}

const VECTORS: readonly BaseVector[] = JSON.parse(readFileSync(new URL('rfc9180-base.json', import.meta.url), 'utf8'))

const RFC_CASES = PROVIDERS.flatMap((provider) =>
  VECTORS.filter(({ cipherSuite }) => provider.cipherSuites.some((id) => id === cipherSuite)).map((vector) => ({
    title: `${provider.name} suite ${vector.cipherSuite}`,
    suite: provider.cipherSuite(vector.cipherSuite),
    vector,
  })),
)

describe.each(RFC_CASES)('RFC 9180 Appendix A, $title', ({ suite, vector }) => {
  const info = fromHex(vector.info)
  const aad = fromHex(vector.aad)
  // A NIST curve derives its ephemeral key from the randomness; X25519 takes it as it is.
  const ephemeral = () => fromHex(suite.name.includes('X25519') ? vector.skEm : vector.ikmE)

  test('derives the key pairs', async () => {
    const recipient = { publicKey: fromHex(vector.pkRm), privateKey: fromHex(vector.skRm) }
    expect(await suite.deriveHpkeKeyPair(fromHex(vector.ikmR))).toEqual(recipient)
    const sender = { publicKey: fromHex(vector.pkEm), privateKey: fromHex(vector.skEm) }
    expect(await suite.deriveHpkeKeyPair(fromHex(vector.ikmE))).toEqual(sender)
  })

  test('seals and opens the first message', async () => {
    const sealed = await suite.hpkeSeal(fromHex(vector.pkRm), info, aad, fromHex(vector.pt), ephemeral)
    expect(toHex(sealed.kemOutput)).toBe(vector.enc)
    expect(toHex(sealed.ciphertext)).toBe(vector.ct)
    expect(toHex(await suite.hpkeOpen(fromHex(vector.skRm), sealed, info, aad))).toBe(vector.pt)
  })

  test('exports the secrets', async () => {
    for (const { exporterContext, length, exported } of vector.exports) {
      const context = fromHex(exporterContext)
      const sent = await suite.hpkeExportSender(fromHex(vector.pkRm), info, context, length, ephemeral)
      expect(toHex(sent.exported)).toBe(exported)
      expect(toHex(sent.kemOutput)).toBe(vector.enc)
      const received = await suite.hpkeExportReceiver(fromHex(vector.skRm), sent.kemOutput, info, context, length)
      expect(toHex(received)).toBe(exported)
    }
  })
})

/** The suite in @hpke/core; its own package has no ChaCha20-Poly1305. */
function hpkeCoreSuite(id: number): HpkeCoreSuite | undefined {
  switch (id) {
    case 1:
      return new HpkeCoreSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() })
    case 2:
      return new HpkeCoreSuite({ kem: new DhkemP256HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes128Gcm() })
    case 4:
      return new HpkeCoreSuite({ kem: new DhkemX448HkdfSha512(), kdf: new HkdfSha512(), aead: new Aes256Gcm() })
    case 5:
      return new HpkeCoreSuite({ kem: new DhkemP521HkdfSha512(), kdf: new HkdfSha512(), aead: new Aes256Gcm() })
    case 7:
      return new HpkeCoreSuite({ kem: new DhkemP384HkdfSha384(), kdf: new HkdfSha384(), aead: new Aes256Gcm() })
    default:
      return undefined
  }
}

const CORE_CASES = SUITES_UNDER_TEST.flatMap(({ title, suite }) => {
  const core = hpkeCoreSuite(suite.id)
  return core === undefined ? [] : [{ title, suite, core }]
})

/** A copy that has an ArrayBuffer to itself. */
const buffer = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer

describe.each(CORE_CASES)('@hpke/core and $title', ({ suite, core }) => {
  const info = utf8('info')
  const aad = utf8('aad')
  const message = utf8('alice to bob')
  const context = utf8('context')

  test('derive the same key pair', async () => {
    const ikm = systemRandom(suite.hashSize)
    const ours = await suite.deriveHpkeKeyPair(ikm)
    const theirs = await core.kem.deriveKeyPair(buffer(ikm))
    expect(new Uint8Array(await core.kem.serializePublicKey(theirs.publicKey))).toEqual(ours.publicKey)
    expect(new Uint8Array(await core.kem.serializePrivateKey(theirs.privateKey))).toEqual(ours.privateKey)
  })

  test('open what the other sealed and export the same secret', async () => {
    const bob = await suite.generateHpkeKeyPair(systemRandom)
    const recipientPublicKey = await core.kem.deserializePublicKey(buffer(bob.publicKey))
    const recipientKey = await core.kem.deserializePrivateKey(buffer(bob.privateKey))

    const theirs = await core.createSenderContext({ recipientPublicKey, info: buffer(info) })
    const sealed = {
      kemOutput: new Uint8Array(theirs.enc),
      ciphertext: new Uint8Array(await theirs.seal(buffer(message), buffer(aad))),
    }
    expect(await suite.hpkeOpen(bob.privateKey, sealed, info, aad)).toEqual(message)
    expect(await suite.hpkeExportReceiver(bob.privateKey, sealed.kemOutput, info, context, 40)).toEqual(
      new Uint8Array(await theirs.export(buffer(context), 40)),
    )

    const ours = await suite.hpkeSeal(bob.publicKey, info, aad, message, systemRandom)
    const recipient = await core.createRecipientContext({
      recipientKey,
      enc: buffer(ours.kemOutput),
      info: buffer(info),
    })
    expect(new Uint8Array(await recipient.open(buffer(ours.ciphertext), buffer(aad)))).toEqual(message)
  })
})

describe.each(SUITES_UNDER_TEST)('long inputs, $title', ({ suite }: { suite: CipherSuite }) => {
  test('HPKE takes longer inputs and gives longer exports than MLS has', async () => {
    const long = new Uint8Array(70_000).fill(1)
    const bob = await suite.deriveHpkeKeyPair(long)
    const { kemOutput, exported } = await suite.hpkeExportSender(bob.publicKey, long, long, 600, systemRandom)
    expect(await suite.hpkeExportReceiver(bob.privateKey, kemOutput, long, long, 600)).toEqual(exported)
    const shorter = await suite.hpkeExportReceiver(bob.privateKey, kemOutput, long, long, 599)
    expect(exported.slice(0, 599)).not.toEqual(shorter)
    const sealed = await suite.hpkeSeal(bob.publicKey, long, long, long, systemRandom)
    expect(await suite.hpkeOpen(bob.privateKey, sealed, long, long)).toEqual(long)
    await expect(suite.hpkeOpen(bob.privateKey, sealed, long, long.slice(1))).rejects.toThrow(CryptoError)
  })
})
