/** The cases of Project Wycheproof about keys that a browser's WebCrypto has; none where the files are not here. */
import { caseName, type WycheproofCase, wycheproofCases } from '../../packages/crypto/test/wycheproof-files.ts'
import type { PublicKeyCase } from './judge-case.ts'

interface SignatureFile {
  readonly publicKey: { readonly pk?: string; readonly uncompressed?: string }
  readonly msg: string
  readonly sig: string
}

interface AgreementFile {
  readonly public: string
  readonly private: string
}

const SIGNATURES = [
  { file: 'ed25519_test.json', cipherSuite: 1 },
  { file: 'ecdsa_secp256r1_sha256_test.json', cipherSuite: 2 },
  { file: 'ecdsa_secp384r1_sha384_test.json', cipherSuite: 7 },
  { file: 'ecdsa_secp521r1_sha512_test.json', cipherSuite: 5 },
]

const AGREEMENTS = [
  { file: 'x25519_test.json', cipherSuite: 1, keySize: 32 },
  { file: 'ecdh_secp256r1_ecpoint_test.json', cipherSuite: 2, keySize: 32 },
  { file: 'ecdh_secp384r1_ecpoint_test.json', cipherSuite: 7, keySize: 48 },
  { file: 'ecdh_secp521r1_ecpoint_test.json', cipherSuite: 5, keySize: 66 },
]

/** A case, and what the file says of it. */
export interface ExpectedCase {
  readonly it: PublicKeyCase
  readonly result: WycheproofCase['result']
}

export function publicKeyCases(): readonly ExpectedCase[] {
  return [
    ...SIGNATURES.flatMap(({ file, cipherSuite }) =>
      wycheproofCases<SignatureFile>(file).map((each): ExpectedCase => {
        const publicKey = each.publicKey.pk ?? each.publicKey.uncompressed ?? ''
        const name = `${file} ${caseName(each)}`
        return {
          it: { kind: 'signature', name, cipherSuite, publicKey, message: each.msg, signature: each.sig },
          result: each.result,
        }
      }),
    ),
    ...AGREEMENTS.flatMap(({ file, cipherSuite, keySize }) =>
      wycheproofCases<AgreementFile>(file).map((each): ExpectedCase => {
        const privateKey = each.private.padStart(2 * keySize, '0').slice(-2 * keySize)
        const name = `${file} ${caseName(each)}`
        return { it: { kind: 'agreement', name, cipherSuite, publicKey: each.public, privateKey }, result: each.result }
      }),
    ),
  ]
}
