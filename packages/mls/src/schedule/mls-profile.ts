/** The profile of plain MLS: RFC 9420 §8 to the letter. One init secret serves every child of an epoch. */
import type { CipherSuite } from '@dmls/crypto'
import type { Reader } from '../codec/reader.ts'
import { Writer } from '../codec/writer.ts'
import type { InitKey, Profile } from '../group/profile.ts'
import { deriveSecret } from './labeled.ts'

/** RFC 9420 §8 `init_secret`. Evaluating does not puncture it: the epoch dies as a whole instead. */
class InitSecret implements InitKey {
  readonly #secret: Uint8Array

  constructor(secret: Uint8Array) {
    this.#secret = secret
  }

  evaluate(): ReturnType<InitKey['evaluate']> {
    return { initSecret: this.#secret.slice(), next: this, superseded: [], created: [] }
  }

  encode(writer: Writer): void {
    writer.fixed(this.#secret)
  }

  wipe(): void {
    this.#secret.fill(0)
  }
}

/** RFC 9420. An epoch is named by its number, 8 bytes. */
export const mlsProfile: Profile = {
  name: 'mls',
  pathRequired: false,
  openEpoch: (suite, epochSecret, context) => ({
    initKey: new InitSecret(deriveSecret(suite, epochSecret, 'init')),
    epochId: new Writer(8).uint64(context.epoch).finish(),
  }),
  decodeInitKey: (suite: CipherSuite, reader: Reader): InitKey => new InitSecret(reader.fixed(suite.hashSize)),
  checkContent: () => undefined, // nothing beyond the RFC
}
