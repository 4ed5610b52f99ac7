/** One case of Project Wycheproof, judged alike in the page and in Node: what comes out is compared. */
import { type CipherSuite, CryptoError, fromHex, toHex } from '@dmls/crypto'

/** Byte strings in hexadecimal. */
export type PublicKeyCase =
  | {
      readonly kind: 'signature'
      readonly name: string
      readonly cipherSuite: number
      readonly publicKey: string
      readonly message: string
      readonly signature: string
    }
  | {
      readonly kind: 'agreement'
      readonly name: string
      readonly cipherSuite: number
      readonly publicKey: string
      readonly privateKey: string
    }

const EMPTY = new Uint8Array(0)

/** `valid` or `invalid` of a signature, the secret that HPKE exports from an agreement, or the code of its refusal. */
export async function judgeCase(suite: CipherSuite, it: PublicKeyCase): Promise<string> {
  try {
    if (it.kind === 'agreement') {
      const [privateKey, publicKey] = [fromHex(it.privateKey), fromHex(it.publicKey)]
      return toHex(await suite.hpkeExportReceiver(privateKey, publicKey, EMPTY, EMPTY, 32))
    }
    const [publicKey, message, signature] = [fromHex(it.publicKey), fromHex(it.message), fromHex(it.signature)]
    return (await suite.verify(publicKey, message, signature)) ? 'valid' : 'invalid'
  } catch (error) {
    return error instanceof CryptoError ? error.code : `untyped: ${error}`
  }
}
