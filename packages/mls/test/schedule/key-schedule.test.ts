import { equalBytes, systemRandom, toHex } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import { decodeWhole, Reader } from '../../src/codec/reader.ts'
import { Writer } from '../../src/codec/writer.ts'
import { receiveExternalInit, sendExternalInit } from '../../src/schedule/external-init.ts'
import {
  deriveEpochSecret,
  deriveEpochSecrets,
  deriveExternalKeyPair,
  deriveJoinerSecret,
  deriveWelcomeSecret,
  exportSecret,
} from '../../src/schedule/key-schedule.ts'
import { mlsProfile } from '../../src/schedule/mls-profile.ts'
import { derivePskSecret } from '../../src/schedule/psk-secret.ts'
import {
  confirmationTag,
  confirmedTranscriptHash,
  interimTranscriptHash,
  verifyConfirmationTag,
} from '../../src/schedule/transcript-hash.ts'
import { decodeAuthenticatedContent } from '../../src/wire/framing.ts'
import { type GroupContext, groupContextBytes } from '../../src/wire/group-context.ts'
import { lingering, recording } from '../recording-suite.ts'
import { providers, suite, suites } from '../suites.ts'
import { claimedBy, hex, vectorTest } from '../vectors.ts'

interface KeyScheduleEpoch
  extends Readonly<
    Record<
      | 'commit_secret'
      | 'confirmation_key'
      | 'confirmed_transcript_hash'
      | 'encryption_secret'
      | 'epoch_authenticator'
      | 'exporter_secret'
      | 'external_pub'
      | 'external_secret'
      | 'group_context'
      | 'init_secret'
      | 'joiner_secret'
      | 'membership_key'
      | 'psk_secret'
      | 'resumption_psk'
      | 'sender_data_secret'
      | 'tree_hash'
      | 'welcome_secret',
      string
    >
  > {
  readonly exporter: Readonly<Record<'label' | 'context' | 'secret', string>> & { readonly length: number }
}

interface KeyScheduleVector {
  readonly cipher_suite: number
  readonly group_id: string
  readonly initial_init_secret: string
  readonly epochs: readonly KeyScheduleEpoch[]
}

for (const provider of providers) {
  vectorTest<KeyScheduleVector>(
    'mls',
    'key-schedule',
    `${provider.name}: every epoch of key-schedule has the published secrets`,
    async (vectors) => {
      expect(vectors.map((v) => v.cipher_suite)).toEqual([1, 2, 3, 4, 5, 6, 7])
      for (const { suite, vector } of claimedBy(provider, vectors)) {
        let initSecret = hex(vector.initial_init_secret)
        for (const [number, epoch] of vector.epochs.entries()) {
          const context: GroupContext = {
            version: 1,
            cipherSuite: suite.id,
            groupId: hex(vector.group_id),
            epoch: BigInt(number),
            treeHash: hex(epoch.tree_hash),
            confirmedTranscriptHash: hex(epoch.confirmed_transcript_hash),
            extensions: [],
          }
          const groupContext = groupContextBytes(context)
          expect(toHex(groupContext)).toBe(epoch.group_context)
          const joinerSecret = deriveJoinerSecret(suite, initSecret, hex(epoch.commit_secret), groupContext)
          expect(toHex(joinerSecret)).toBe(epoch.joiner_secret)
          const pskSecret = hex(epoch.psk_secret)
          expect(toHex(deriveWelcomeSecret(suite, joinerSecret, pskSecret))).toBe(epoch.welcome_secret)
          const epochSecret = deriveEpochSecret(suite, joinerSecret, pskSecret, groupContext)
          const secrets = deriveEpochSecrets(suite, epochSecret)
          expect(Object.fromEntries(Object.entries(secrets).map(([name, secret]) => [name, toHex(secret)]))).toEqual({
            senderDataSecret: epoch.sender_data_secret,
            encryptionSecret: epoch.encryption_secret,
            exporterSecret: epoch.exporter_secret,
            epochAuthenticator: epoch.epoch_authenticator,
            externalSecret: epoch.external_secret,
            confirmationKey: epoch.confirmation_key,
            membershipKey: epoch.membership_key,
            resumptionPsk: epoch.resumption_psk,
          })
          expect(toHex((await deriveExternalKeyPair(suite, secrets.externalSecret)).publicKey)).toBe(epoch.external_pub)
          const { label, context: exportContext, length, secret } = epoch.exporter
          expect(toHex(exportSecret(suite, secrets.exporterSecret, label, hex(exportContext), length))).toBe(secret)

          const { initKey, epochId } = mlsProfile.openEpoch(suite, epochSecret, context)
          expect(epochId).toEqual(new Writer().uint64(BigInt(number)).finish())
          const input = { commitSecret: joinerSecret, lastPathSecret: undefined, childGroupContext: groupContext }
          initSecret = initKey.evaluate(input).initSecret
          expect(toHex(initSecret)).toBe(epoch.init_secret)
        }
      }
    },
  )

  vectorTest<{
    readonly cipher_suite: number
    readonly psks: readonly Readonly<Record<'psk_id' | 'psk' | 'psk_nonce', string>>[]
    readonly psk_secret: string
  }>('mls', 'psk_secret', `${provider.name}: pre-shared keys chain to the published psk_secret`, (vectors) => {
    expect(new Set(vectors.map((v) => v.cipher_suite)).size).toBe(7)
    for (const { suite: own, vector } of claimedBy(provider, vectors)) {
      const psks = vector.psks.map((psk) => ({
        id: { psk: { pskType: 'external', pskId: hex(psk.psk_id) }, pskNonce: hex(psk.psk_nonce) } as const,
        secret: hex(psk.psk),
      }))
      expect(toHex(derivePskSecret(own, psks))).toBe(vector.psk_secret)
    }
  })

  vectorTest<
    Readonly<
      Record<
        | 'confirmation_key'
        | 'authenticated_content'
        | 'interim_transcript_hash_before'
        | 'confirmed_transcript_hash_after'
        | 'interim_transcript_hash_after',
        string
      >
    > & { readonly cipher_suite: number }
  >(
    'mls',
    'transcript-hashes',
    `${provider.name}: transcript hashes and confirmation tags are as published`,
    (vectors) => {
      expect(vectors.map((v) => v.cipher_suite)).toEqual([1, 2, 3, 4, 5, 6, 7])
      for (const { suite, vector } of claimedBy(provider, vectors)) {
        const commit = decodeWhole(hex(vector.authenticated_content), decodeAuthenticatedContent)
        const confirmed = confirmedTranscriptHash(suite, hex(vector.interim_transcript_hash_before), commit)
        expect(toHex(confirmed)).toBe(vector.confirmed_transcript_hash_after)
        const tag = commit.auth.confirmationTag as Uint8Array
        expect(toHex(interimTranscriptHash(suite, confirmed, tag))).toBe(vector.interim_transcript_hash_after)
        const key = hex(vector.confirmation_key)
        verifyConfirmationTag(suite, key, confirmed, tag)
        const wrong = tag.slice()
        wrong[0] = (wrong[0] as number) ^ 1
        expect(() => verifyConfirmationTag(suite, key, confirmed, wrong)).toThrow(
          expect.objectContaining({ code: 'bad_confirmation_tag' }),
        )
        expect(() => verifyConfirmationTag(suite, key, confirmed, tag.slice(1))).toThrow(
          expect.objectContaining({ code: 'bad_confirmation_tag' }),
        )
      }
    },
  )
}

describe('the key schedule', () => {
  test('alice and a newcomer arrive at one init secret, whatever the suite', async () => {
    for (const suite of suites) {
      const external = await deriveExternalKeyPair(suite, new Uint8Array(suite.hashSize).fill(5))
      const { kemOutput, initSecret } = await sendExternalInit(suite, external.publicKey, systemRandom)
      expect(initSecret.length).toBe(suite.hashSize)
      expect(await receiveExternalInit(suite, external.privateKey, kemOutput)).toEqual(initSecret)
    }
  })

  test('a confirmation tag is a MAC over the confirmed transcript hash', () => {
    const [key, hash] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
    expect(confirmationTag(suite, key, hash)).toEqual(suite.mac(key, hash))
  })

  test('the init secret of plain MLS survives storage, is handed out as a copy, and is wiped', () => {
    const context: GroupContext = {
      version: 1,
      cipherSuite: 1,
      groupId: new Uint8Array(1),
      epoch: 2n ** 40n + 3n,
      treeHash: new Uint8Array(32),
      confirmedTranscriptHash: new Uint8Array(32),
      extensions: [],
    }
    const { initKey, epochId } = mlsProfile.openEpoch(suite, new Uint8Array(32).fill(9), context)
    expect(toHex(epochId)).toBe('0000010000000003')
    const writer = new Writer()
    initKey.encode(writer)
    const stored = mlsProfile.decodeInitKey(suite, new Reader(writer.finish()))
    const input = { commitSecret: new Uint8Array(32), lastPathSecret: undefined, childGroupContext: new Uint8Array(0) }
    const first = initKey.evaluate(input)
    expect(stored.evaluate(input).initSecret).toEqual(first.initSecret)
    first.initSecret.fill(0)
    expect(first.next.evaluate(input).initSecret).toEqual(stored.evaluate(input).initSecret)
    initKey.wipe()
    expect(equalBytes(initKey.evaluate(input).initSecret, new Uint8Array(32))).toBe(true)
  })

  test('wipes what it derives on the way', () => {
    const recorded = recording(suite)
    const [a, b, context] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2), new Uint8Array(80)]
    const id = { psk: { pskType: 'external', pskId: new Uint8Array(0) }, pskNonce: new Uint8Array(32) } as const
    const derived = [
      deriveJoinerSecret(recorded, a, b, context),
      deriveWelcomeSecret(recorded, a, b),
      deriveEpochSecret(recorded, a, b, context),
      exportSecret(recorded, a, 'label', context, 48),
      derivePskSecret(recorded, [
        { id, secret: a },
        { id, secret: b },
      ]),
    ]
    expect(recorded.handedOut.length).toBeGreaterThan(10)
    expect(lingering(recorded, derived)).toEqual([])
    expect([a[0], b[0]]).toEqual([1, 2])
  })

  test('more pre-shared keys than their count can say are refused', () => {
    const id = { psk: { pskType: 'external', pskId: new Uint8Array(0) }, pskNonce: new Uint8Array(32) } as const
    const psks = Array.from({ length: 0x10000 }, () => ({ id, secret: new Uint8Array(1) }))
    expect(() => derivePskSecret(suite, psks)).toThrow(expect.objectContaining({ code: 'too_many_psks' }))
  })
})
