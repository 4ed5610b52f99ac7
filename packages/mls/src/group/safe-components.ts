/**
 * Signatures and public-key encryption for components of the application (MLS extensions draft, "The Safe Application
 * Interface"): with the keys of MLS, but under labels that name the component, so that nothing made here means anything
 * to MLS itself or to another component.
 */
import { type CipherSuite, CryptoError, type HpkeCiphertext, type RandomSource, type Signer, utf8 } from '@dmls/crypto'
import { Writer } from '../codec/writer.ts'
import { invalid } from '../errors.ts'
import { componentOperationLabel } from './app-data.ts'

/** Which component does what. */
export interface ComponentOperation {
  /** Of the component that performs the operation, and of no other. */
  readonly componentId: number
  readonly label: string
}

const PREFIX = utf8('MLS 1.0 ')
const NOTHING = new Uint8Array(0)

/** `SignContent` and `EncryptContext`: a label, here a ComponentOperationLabel, and the content. */
function labelled({ componentId, label }: ComponentOperation, content: Uint8Array): Uint8Array {
  const operation = componentOperationLabel(componentId, label)
  return new Writer()
    .length(PREFIX.length + operation.length)
    .fixed(PREFIX)
    .fixed(operation)
    .opaque(content)
    .finish()
}

/** `SafeSignWithLabel` */
export function safeSign(signer: Signer, operation: ComponentOperation, content: Uint8Array): Promise<Uint8Array> {
  return signer.sign(labelled(operation, content))
}

/** `SafeVerifyWithLabel`: whether the signature is valid. */
export function safeVerify(
  suite: CipherSuite,
  publicKey: Uint8Array,
  operation: ComponentOperation,
  content: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  return suite.verify(publicKey, labelled(operation, content), signature)
}

/** `SafeEncryptWithLabel`. @throws CryptoError `invalid_public_key` */
export function safeEncrypt(
  suite: CipherSuite,
  publicKey: Uint8Array,
  operation: ComponentOperation & { readonly context: Uint8Array },
  plaintext: Uint8Array,
  random: RandomSource,
): Promise<HpkeCiphertext> {
  return suite.hpkeSeal(publicKey, labelled(operation, operation.context), NOTHING, plaintext, random)
}

/** `SafeDecryptWithLabel`; the caller owns the plaintext. @throws MlsError `open_failed` */
export async function safeDecrypt(
  suite: CipherSuite,
  privateKey: Uint8Array,
  operation: ComponentOperation & { readonly context: Uint8Array },
  ciphertext: HpkeCiphertext,
): Promise<Uint8Array> {
  try {
    return await suite.hpkeOpen(privateKey, ciphertext, labelled(operation, operation.context), NOTHING)
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error
    throw invalid('open_failed', 'what a component was sent cannot be decrypted')
  }
}
