/** A cipher suite that remembers every secret it has handed out, to see which of them are wiped. */
import { type CipherSuite, toHex } from '@dmls/crypto'

export interface RecordingSuite extends CipherSuite {
  /** Everything that HKDF and AEAD opening have returned, in order. */
  readonly handedOut: readonly Uint8Array[]
}

export function recording(suite: CipherSuite): RecordingSuite {
  const handedOut: Uint8Array[] = []
  const remember = (secret: Uint8Array): Uint8Array => {
    handedOut.push(secret)
    return secret
  }
  return {
    ...suite,
    handedOut,
    extract: (salt: Uint8Array, ikm: Uint8Array) => remember(suite.extract(salt, ikm)),
    expand: (prk: Uint8Array, info: Uint8Array, length: number) => remember(suite.expand(prk, info, length)),
    open: (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, ciphertext: Uint8Array) =>
      remember(suite.open(key, nonce, aad, ciphertext)),
  }
}

/** Those that are neither wiped nor, by identity, among the buffers that somebody owns now. */
export function lingering(suite: RecordingSuite, owned: readonly Uint8Array[]): string[] {
  return suite.handedOut
    .filter((secret) => !owned.includes(secret) && secret.some((byte) => byte !== 0))
    .map((secret) => toHex(secret))
}
