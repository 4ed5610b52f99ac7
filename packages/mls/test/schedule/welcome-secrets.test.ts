import { type CipherSuite, equalBytes, signerFromPrivateKey, systemRandom } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import {
  deriveEpochSecret,
  deriveEpochSecrets,
  deriveWelcomeSecret,
  zeroSecret,
} from '../../src/schedule/key-schedule.ts'
import { encryptWithLabel, keyPackageRef } from '../../src/schedule/labeled.ts'
import { verifyConfirmationTag } from '../../src/schedule/transcript-hash.ts'
import {
  decryptGroupInfo,
  decryptGroupSecrets,
  deriveWelcomeKey,
  encryptGroupInfo,
  encryptGroupSecrets,
  signGroupInfo,
  verifyGroupInfoSignature,
} from '../../src/schedule/welcome-secrets.ts'
import { groupContextBytes } from '../../src/wire/group-context.ts'
import type { GroupInfoContent } from '../../src/wire/group-info.ts'
import { keyPackageBytes } from '../../src/wire/key-package.ts'
import { decodeMlsMessage } from '../../src/wire/mls-message.ts'
import { providers, suite, suites } from '../suites.ts'
import { claimedBy, hex, vectorTest } from '../vectors.ts'

type WelcomeVector = Readonly<Record<'init_priv' | 'key_package' | 'signer_pub' | 'welcome', string>> & {
  readonly cipher_suite: number
}

for (const provider of providers) {
  vectorTest<WelcomeVector>(
    'mls',
    'welcome',
    `${provider.name}: every published Welcome opens to a signed and confirmed GroupInfo`,
    async (vectors) => {
      expect(vectors.map((v) => v.cipher_suite)).toEqual([1, 2, 3, 4, 5, 6, 7])
      for (const { suite, vector } of claimedBy(provider, vectors)) {
        const keyPackageMessage = decodeMlsMessage(hex(vector.key_package))
        const welcomeMessage = decodeMlsMessage(hex(vector.welcome))
        if (keyPackageMessage.wireFormat !== 'mls_key_package' || welcomeMessage.wireFormat !== 'mls_welcome') {
          throw new Error('the vector holds other messages')
        }
        const { welcome } = welcomeMessage
        const reference = keyPackageRef(suite, keyPackageBytes(keyPackageMessage.keyPackage))
        const entry = welcome.secrets.find((candidate) => equalBytes(candidate.newMember, reference))
        if (entry === undefined) throw new Error('the Welcome is for somebody else')
        const initKey = hex(vector.init_priv)
        const secrets = await decryptGroupSecrets(
          suite,
          initKey,
          welcome.encryptedGroupInfo,
          entry.encryptedGroupSecrets,
        )
        expect(secrets.psks).toEqual([])
        const welcomeSecret = deriveWelcomeSecret(suite, secrets.joinerSecret, zeroSecret(suite))
        const groupInfo = decryptGroupInfo(suite, welcomeSecret, welcome.encryptedGroupInfo)
        await verifyGroupInfoSignature(suite, hex(vector.signer_pub), groupInfo)
        const context = groupContextBytes(groupInfo.groupContext)
        const epochSecret = deriveEpochSecret(suite, secrets.joinerSecret, zeroSecret(suite), context)
        const { confirmationKey } = deriveEpochSecrets(suite, epochSecret)
        verifyConfirmationTag(
          suite,
          confirmationKey,
          groupInfo.groupContext.confirmedTranscriptHash,
          groupInfo.confirmationTag,
        )
      }
    },
  )
}

function content(suite: CipherSuite): GroupInfoContent {
  const groupContext = {
    version: 1,
    cipherSuite: suite.id,
    groupId: new Uint8Array(4),
    epoch: 1n,
    treeHash: new Uint8Array(suite.hashSize),
    confirmedTranscriptHash: new Uint8Array(suite.hashSize),
    extensions: [],
  }
  return { groupContext, extensions: [], confirmationTag: new Uint8Array(suite.hashSize), signer: 3 }
}

function refusal(code: string): unknown {
  return expect.objectContaining({ name: 'MlsError', blame: 'invalid', code })
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy[0] = (copy[0] as number) ^ 1
  return copy
}

describe('a Welcome', () => {
  test('that alice makes opens for bob and only under what it was made with, whatever the suite', async () => {
    for (const suite of suites) {
      const signing = await suite.generateSignatureKeyPair(systemRandom)
      const bob = await suite.generateHpkeKeyPair(systemRandom)
      const groupInfo = await signGroupInfo(await signerFromPrivateKey(suite, signing.privateKey), content(suite))
      await verifyGroupInfoSignature(suite, signing.publicKey, groupInfo)
      const changed = { ...groupInfo, signer: 4 }
      await expect(verifyGroupInfoSignature(suite, signing.publicKey, changed)).rejects.toThrow(
        refusal('bad_group_info_signature'),
      )

      const welcomeSecret = new Uint8Array(suite.hashSize).fill(8)
      const encrypted = encryptGroupInfo(suite, welcomeSecret, groupInfo)
      expect(decryptGroupInfo(suite, welcomeSecret, encrypted)).toEqual(groupInfo)
      expect(() => decryptGroupInfo(suite, flipped(welcomeSecret), encrypted)).toThrow(
        refusal('group_info_open_failed'),
      )
      expect(() => decryptGroupInfo(suite, welcomeSecret, flipped(encrypted))).toThrow(
        refusal('group_info_open_failed'),
      )
      expect(() => decryptGroupInfo(suite, welcomeSecret, new Uint8Array(3))).toThrow(refusal('group_info_open_failed'))

      const secrets = { joinerSecret: new Uint8Array(suite.hashSize).fill(1), pathSecret: undefined, psks: [] }
      const forBob = [{ initKey: bob.publicKey, groupSecrets: secrets }]
      const [sealed] = await encryptGroupSecrets(suite, forBob, encrypted, systemRandom)
      expect(await decryptGroupSecrets(suite, bob.privateKey, encrypted, sealed!)).toEqual(secrets)
      await expect(decryptGroupSecrets(suite, bob.privateKey, flipped(encrypted), sealed!)).rejects.toThrow(
        refusal('group_secrets_open_failed'),
      )
    }
  })

  test("whose encrypted parts are malformed is its sender's fault, not the relay's", async () => {
    const welcomeSecret = new Uint8Array(32).fill(8)
    const { key, nonce } = deriveWelcomeKey(suite, welcomeSecret)
    const garbage = suite.seal(key, nonce, new Uint8Array(0), Uint8Array.from([0, 1, 2]))
    expect(() => decryptGroupInfo(suite, welcomeSecret, garbage)).toThrow(refusal('malformed_group_info'))
    const bob = await suite.generateHpkeKeyPair(systemRandom)
    const sealed = await encryptWithLabel(
      suite,
      bob.publicKey,
      'Welcome',
      garbage,
      Uint8Array.from([0xc0]),
      systemRandom,
    )
    await expect(decryptGroupSecrets(suite, bob.privateKey, garbage, sealed)).rejects.toThrow(
      refusal('malformed_group_secrets'),
    )
  })
})
