/**
 * RFC 9420 §9.1: the hash ratchet of one sender and one kind of content, with the keys of messages that have not arrived
 * yet. Immutable: a step returns the ratchet to keep and names the buffers that only the old one holds.
 */
import type { CipherSuite } from '@dmls/crypto'
import type { Reader } from '../codec/reader.ts'
import { opaqueSize, type Writer } from '../codec/writer.ts'
import { invalid, malformed } from '../errors.ts'
import { deriveTreeSecret } from './labeled.ts'

/** How much work and memory one sender can cause in one epoch (RFC 9420 §15.3 asks for such a policy). */
export interface SecretTreeLimits {
  /** Generations that a message may be ahead of the last one received from its sender. */
  readonly forwardMax: number
  /** Keys of skipped generations that one ratchet keeps; beyond it the oldest are forgotten. */
  readonly keptMax: number
}

export const SECRET_TREE_LIMITS: SecretTreeLimits = { forwardMax: 1000, keptMax: 1000 }

/** Consecutive generations from `first` on that were skipped: key and nonce of each, side by side in `keys`. */
interface KeptRun {
  readonly first: number
  readonly keys: Uint8Array
}

export interface SenderRatchet {
  /** `ratchet_secret_[N]_[generation]`, KDF.Nh bytes. */
  readonly secret: Uint8Array
  /** The generation that comes next; 2^32 once all are used. */
  readonly generation: number
  /** Ascending, never touching. */
  readonly kept: readonly KeptRun[]
}

/** The key and nonce of one generation, which the caller owns and wipes, and the ratchet without them. */
export interface RatchetStep {
  readonly key: Uint8Array
  readonly nonce: Uint8Array
  readonly ratchet: SenderRatchet
  /** Buffers of the old ratchet that the new one no longer holds. */
  readonly superseded: readonly Uint8Array[]
  /** Buffers of the new ratchet that the old one does not hold: wipe these instead if the step is given up. */
  readonly created: readonly Uint8Array[]
}

const GENERATIONS = 2 ** 32

/** Uses the next generation. @throws MlsError `generations_exhausted` after 2^32 of them */
export function nextGeneration(suite: CipherSuite, ratchet: SenderRatchet): RatchetStep {
  const { secret, generation } = ratchet
  if (generation >= GENERATIONS) throw invalid('generations_exhausted', 'a sender ratchet is used up')
  const next = deriveTreeSecret(suite, secret, 'secret', generation, suite.hashSize)
  return {
    key: deriveTreeSecret(suite, secret, 'key', generation, suite.keySize),
    nonce: deriveTreeSecret(suite, secret, 'nonce', generation, suite.nonceSize),
    ratchet: { secret: next, generation: generation + 1, kept: ratchet.kept },
    superseded: [secret],
    created: [next],
  }
}

/**
 * Uses a given generation: the next one, one ahead, or a kept one.
 * @throws MlsError `generation_used`, `generation_too_far`
 */
export function takeGeneration(
  suite: CipherSuite,
  ratchet: SenderRatchet,
  generation: number,
  limits: SecretTreeLimits,
): RatchetStep {
  if (generation < ratchet.generation) return takeKept(suite, ratchet, generation)
  if (generation === ratchet.generation) return nextGeneration(suite, ratchet)
  if (generation - ratchet.generation > limits.forwardMax) {
    throw invalid('generation_too_far', 'a message is too far ahead of its sender ratchet', { generation }) // RFC 9420 §15.3
  }
  return skipTo(suite, ratchet, generation, limits.keptMax)
}

function takeKept(suite: CipherSuite, ratchet: SenderRatchet, generation: number): RatchetStep {
  const slot = suite.keySize + suite.nonceSize
  const at = ratchet.kept.findIndex((run) => generation >= run.first && generation < runEnd(run, slot))
  const run = ratchet.kept[at]
  if (run === undefined) throw invalid('generation_used', 'the key of this generation is gone', { generation }) // RFC 9420 §9.2
  const offset = (generation - run.first) * slot
  const used = run.keys.subarray(offset, offset + slot)
  const kept = ratchet.kept.slice()
  const rest = [
    { first: run.first, keys: run.keys.subarray(0, offset) },
    { first: generation + 1, keys: run.keys.subarray(offset + slot) },
  ]
  kept.splice(at, 1, ...rest.filter((part) => part.keys.length > 0))
  return {
    key: used.slice(0, suite.keySize),
    nonce: used.slice(suite.keySize),
    ratchet: { ...ratchet, kept },
    superseded: [used],
    created: [],
  }
}

/** Steps over the generations in between and keeps the keys of the last `keptMax` of them. */
function skipTo(suite: CipherSuite, ratchet: SenderRatchet, generation: number, keptMax: number): RatchetStep {
  const slot = suite.keySize + suite.nonceSize
  const first = Math.max(ratchet.generation, generation - keptMax)
  const keys = new Uint8Array((generation - first) * slot)
  let secret = ratchet.secret
  for (let at = ratchet.generation; at < generation; at++) {
    if (at >= first) {
      const offset = (at - first) * slot
      moveInto(keys, offset, deriveTreeSecret(suite, secret, 'key', at, suite.keySize))
      moveInto(keys, offset + suite.keySize, deriveTreeSecret(suite, secret, 'nonce', at, suite.nonceSize))
    }
    const next = deriveTreeSecret(suite, secret, 'secret', at, suite.hashSize)
    if (secret !== ratchet.secret) secret.fill(0)
    secret = next
  }
  const step = nextGeneration(suite, { secret, generation, kept: [] })
  secret.fill(0)
  const { kept, forgotten } = keepLatest([...ratchet.kept, { first, keys }], keptMax, slot)
  return {
    ...step,
    ratchet: { ...step.ratchet, kept },
    superseded: [ratchet.secret, ...forgotten],
    created: [...step.created, keys],
  }
}

function moveInto(target: Uint8Array, offset: number, secret: Uint8Array): void {
  target.set(secret, offset)
  secret.fill(0)
}

function keepLatest(
  runs: readonly KeptRun[],
  keptMax: number,
  slot: number,
): { readonly kept: readonly KeptRun[]; readonly forgotten: readonly Uint8Array[] } {
  let surplus = runs.reduce((count, run) => count + run.keys.length / slot, 0) - keptMax
  const kept: KeptRun[] = []
  const forgotten: Uint8Array[] = []
  for (const run of runs) {
    const drop = Math.min(Math.max(surplus, 0), run.keys.length / slot)
    surplus -= drop
    if (drop > 0) forgotten.push(run.keys.subarray(0, drop * slot))
    if (drop * slot < run.keys.length) kept.push({ first: run.first + drop, keys: run.keys.subarray(drop * slot) })
  }
  return { kept, forgotten }
}

function runEnd(run: KeptRun, slot: number): number {
  return run.first + run.keys.length / slot
}

export function encodeSenderRatchet(writer: Writer, ratchet: SenderRatchet): void {
  writer
    .uint64(BigInt(ratchet.generation))
    .fixed(ratchet.secret)
    .vector(ratchet.kept, (w, run) => w.uint32(run.first).opaque(run.keys))
}

/** How many bytes {@link encodeSenderRatchet} writes. */
export function senderRatchetSize(ratchet: SenderRatchet): number {
  let keptSize = 0
  for (const run of ratchet.kept) keptSize += 4 + opaqueSize(run.keys.length)
  return 8 + ratchet.secret.length + opaqueSize(keptSize)
}

/** @throws MlsError `bad_sender_ratchet` */
export function decodeSenderRatchet(suite: CipherSuite, reader: Reader): SenderRatchet {
  const generation = Number(reader.uint64())
  if (generation > GENERATIONS) throw malformed('bad_sender_ratchet', 'a ratchet is beyond its last generation')
  const secret = reader.fixed(suite.hashSize)
  const kept = reader.vector((r): KeptRun => ({ first: r.uint32(), keys: r.opaque() }))
  const slot = suite.keySize + suite.nonceSize
  let free = 0
  for (const run of kept) {
    if (run.first < free || run.keys.length === 0 || run.keys.length % slot !== 0) {
      throw malformed('bad_sender_ratchet', 'the kept keys of a ratchet are not in order')
    }
    free = runEnd(run, slot) + 1
  }
  if (free > generation) throw malformed('bad_sender_ratchet', 'a ratchet keeps keys that it has not reached')
  return { secret, generation, kept }
}

export function wipeSenderRatchet(ratchet: SenderRatchet): void {
  ratchet.secret.fill(0)
  for (const run of ratchet.kept) run.keys.fill(0)
}
