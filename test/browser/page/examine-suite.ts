/** One suite of one provider: what Node made is accepted, what Node is to accept is made, refusals are typed. */
import {
  type CipherSuite,
  type CipherSuiteId,
  CryptoError,
  type CryptoProvider,
  equalBytes,
  fromHex,
  systemRandom,
  toHex,
  utf8,
} from '@dmls/crypto'
import { mlsMessageBytes } from '@dmls/mls'
import { HPKE_AAD, HPKE_INFO, HPKE_PLAINTEXT, MESSAGE, type SuiteFixture, type SuiteReport } from '../report.ts'
import { tellGroupStory } from './group-story.ts'

const message = utf8(MESSAGE)
const info = utf8(HPKE_INFO)
const aad = utf8(HPKE_AAD)
const plaintext = utf8(HPKE_PLAINTEXT)

export async function examineSuite(
  provider: CryptoProvider,
  id: CipherSuiteId,
  fixture: SuiteFixture,
): Promise<SuiteReport> {
  const suite = provider.cipherSuite(id)
  const failures: string[] = []
  const expect = (holds: boolean, what: string): void => {
    if (!holds) failures.push(what)
  }
  await acceptWhatNodeMade(suite, fixture, expect)
  aeadHolds(suite, expect)
  const story = await tellGroupStory(suite, expect)
  const keys = await suite.generateSignatureKeyPair(systemRandom)
  const signer = await suite.importSigner(keys.privateKey)
  const sealed = await suite.hpkeSeal(fromHex(fixture.hpkePublicKey), info, aad, plaintext, systemRandom)
  return {
    provider: provider.name,
    cipherSuite: id,
    signaturePublicKey: toHex(signer.publicKey),
    signature: toHex(await signer.sign(message)),
    kemOutput: toHex(sealed.kemOutput),
    ciphertext: toHex(sealed.ciphertext),
    keyPackage: toHex(mlsMessageBytes(story.keyPackage)),
    failures,
  }
}

type Expect = (holds: boolean, what: string) => void

async function acceptWhatNodeMade(suite: CipherSuite, fixture: SuiteFixture, expect: Expect): Promise<void> {
  const publicKey = fromHex(fixture.signaturePublicKey)
  const signature = fromHex(fixture.signature)
  expect(await suite.verify(publicKey, message, signature), 'a signature of Node is refused')
  expect(!(await suite.verify(publicKey, info, signature)), 'a signature over something else is accepted')
  const sealed = { kemOutput: fromHex(fixture.kemOutput), ciphertext: fromHex(fixture.ciphertext) }
  const privateKey = fromHex(fixture.hpkePrivateKey)
  expect(equalBytes(await suite.hpkeOpen(privateKey, sealed, info, aad), plaintext), 'what Node sealed does not open')
  const spoiled = await refusalOf(() => suite.hpkeOpen(privateKey, sealed, aad, aad))
  expect(spoiled === 'open_failed', `what was sealed under another info: ${spoiled}`)
  const notAKey = await refusalOf(async () => suite.validateHpkePublicKey(Uint8Array.of(1, 2, 3)))
  expect(notAKey === 'invalid_public_key', `three bytes as a public key: ${notAKey}`)
}

function aeadHolds(suite: CipherSuite, expect: Expect): void {
  const key = suite.expand(suite.hash(message), info, suite.keySize)
  const nonce = suite.expand(suite.hash(message), aad, suite.nonceSize)
  const sealed = suite.seal(key, nonce, aad, plaintext)
  expect(equalBytes(suite.open(key, nonce, aad, sealed), plaintext), 'what was sealed does not open')
}

async function refusalOf(attempt: () => Promise<unknown>): Promise<string> {
  try {
    await attempt()
    return 'accepted'
  } catch (error) {
    return error instanceof CryptoError ? error.code : `untyped: ${error}`
  }
}
