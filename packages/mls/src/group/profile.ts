/**
 * What differs between plain MLS and a variant of its key schedule: one object that the group state machine is given.
 * The machine itself never asks which profile it runs.
 */
import type { CipherSuite } from '@dmls/crypto'
import type { Reader } from '../codec/reader.ts'
import type { Writer } from '../codec/writer.ts'
import type { FramedContent } from '../wire/framing.ts'
import type { GroupContext } from '../wire/group-context.ts'

/** What a commit contributes to the child's init secret. */
export interface InitInput {
  /** `DeriveSecret(path_secret[n], "path")`, or KDF.Nh zero bytes for a commit without a path (RFC 9420 §8). */
  readonly commitSecret: Uint8Array
  /** `path_secret[n]`, the last of the committer's filtered direct path; undefined where that path is empty or there is none. */
  readonly lastPathSecret: Uint8Array | undefined
  /** The encoded GroupContext of the child epoch. */
  readonly childGroupContext: Uint8Array
}

/** What an epoch keeps so that it can start child epochs. Immutable: evaluating returns the key to keep afterwards. */
export interface InitKey {
  /**
   * The child's init secret (KDF.Nh bytes, the caller owns it), the key that the parent keeps from now on, and the
   * buffers of this key that the next one no longer holds: the caller wipes them once the next key is stored. If the
   * child is given up, it wipes what the next key created instead.
   */
  evaluate(input: InitInput): {
    readonly initSecret: Uint8Array
    readonly next: InitKey
    readonly superseded: readonly Uint8Array[]
    readonly created: readonly Uint8Array[]
  }
  encode(writer: Writer): void
  /** Overwrites every secret that this key holds. */
  wipe(): void
}

export interface Profile {
  readonly name: 'mls' | 'dmls'
  /** Whether every commit must carry an update path, beyond what RFC 9420 §12.4 requires. */
  readonly pathRequired: boolean
  /** What the profile derives from a fresh epoch_secret before the machine wipes it. */
  openEpoch(
    suite: CipherSuite,
    epochSecret: Uint8Array,
    context: GroupContext,
  ): { readonly initKey: InitKey; readonly epochId: Uint8Array }
  decodeInitKey(suite: CipherSuite, reader: Reader): InitKey
  /**
   * Refuses content that RFC 9420 would accept but the profile does not: external commits, or messages of non-members
   * that are not bound to an epoch. @throws MlsError
   */
  checkContent(content: FramedContent, context: GroupContext, epochId: Uint8Array): void
}
