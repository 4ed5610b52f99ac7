/** The pre-shared keys that one member knows from outside its current group state. */
import { toHex } from '@dmls/crypto'
import type { PskName } from './interop-member.ts'

export class PskShelf {
  readonly #keys = new Map<string, Uint8Array>()

  put(psk: PskName, secret: Uint8Array): void {
    this.#keys.set(nameOf(psk), secret.slice())
  }

  find(psk: PskName): Uint8Array | undefined {
    return this.#keys.get(nameOf(psk))
  }
}

function nameOf(psk: PskName): string {
  return psk.pskType === 'external' ? `external ${toHex(psk.pskId)}` : `resumption ${toHex(psk.groupId)} ${psk.epoch}`
}
