/**
 * Changing decoded structures: a field gets another value, a list loses or repeats an element, a part is exchanged for
 * one of its kind from another message. What comes out still encodes, and still says something; signatures and tags over
 * it are the caller's to renew.
 */
import fc, { type Arbitrary } from 'fast-check'
import {
  capabilities,
  credential,
  extension,
  hpkeCiphertext,
  keyPackage,
  leafNode,
  preSharedKeyId,
  proposal,
  proposalOrRef,
  sender,
  updatePath,
} from '../../../packages/mls/test/arbitraries.ts'
import { mutateBytes } from './byte-mutation.ts'
import type { Tape } from './tape.ts'

type Fields = Readonly<Record<string, unknown>>

/** The kinds of part that can stand for one another, by a field that only they have. */
const KINDS: readonly (readonly [field: string, arbitrary: Arbitrary<unknown> | undefined])[] = [
  ['initKey', keyPackage],
  ['signatureKey', leafNode],
  ['versions', capabilities],
  ['leafNodeSource', undefined],
  ['credentialType', credential],
  ['extensionType', extension],
  ['proposalType', proposal],
  ['reference', proposalOrRef],
  ['pskNonce', preSharedKeyId],
  ['pskType', undefined],
  ['senderType', sender],
  ['contentType', undefined],
  ['encryptedPathSecret', undefined],
  ['kemOutput', hpkeCiphertext],
  ['nodes', updatePath],
]

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}

function kindOf(value: unknown): number {
  return isFields(value) ? KINDS.findIndex(([field]) => field in value) : -1
}

/** Parts of valid messages, to be put where they do not belong. */
export class Donors {
  readonly byteStrings: Uint8Array[] = []
  readonly #parts = new Map<number, unknown[]>()

  /** Remembers every part of a structure. */
  add(value: unknown): this {
    if (value instanceof Uint8Array) {
      this.byteStrings.push(value)
    } else if (Array.isArray(value)) {
      for (const element of value) this.add(element)
    } else if (isFields(value)) {
      const kind = kindOf(value)
      if (kind >= 0) this.#parts.set(kind, [...(this.#parts.get(kind) ?? []), value])
      for (const field of Object.values(value)) this.add(field)
    }
    return this
  }

  parts(kind: number): readonly unknown[] {
    return this.#parts.get(kind) ?? []
  }
}

/** Random values of any kind: one seed from the tape decides. */
function invent(arbitrary: Arbitrary<unknown>, tape: Tape): unknown {
  return fc.sample(arbitrary, { seed: tape.uint32() | 0, numRuns: 1 })[0]
}

const NUMBERS = [0, 1, 2, 3, 4, 5, 7, 8, 0x0a0a, 0xff, 0xf001, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff]
const BIG_NUMBERS = [0n, 1n, 2n, 0xffffffffn, 0x100000000n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]

function changeNumber(value: number, tape: Tape): number {
  switch (tape.below(4)) {
    case 0:
      return value + 1
    case 1:
      return Math.max(value - 1, 0)
    case 2:
      return tape.pick(NUMBERS)
    default:
      return (value ^ (1 << tape.below(16))) >>> 0
  }
}

function changeBigNumber(value: bigint, tape: Tape): bigint {
  switch (tape.below(3)) {
    case 0:
      return BigInt.asUintN(64, value + 1n)
    case 1:
      return BigInt.asUintN(64, value - 1n)
    default:
      return tape.pick(BIG_NUMBERS)
  }
}

function changeBytes(value: Uint8Array, tape: Tape, donors: Donors): Uint8Array {
  switch (tape.below(5)) {
    case 0:
      return mutateBytes(value, tape, donors.byteStrings)
    case 1:
      return tape.random()(value.length)
    case 2:
      return new Uint8Array(tape.once(2) ? 0 : value.length)
    case 3:
      return value.slice(0, tape.below(value.length + 1))
    default:
      return donors.byteStrings.length === 0 ? value : tape.pick(donors.byteStrings)
  }
}

function changeList(value: readonly unknown[], tape: Tape): unknown[] {
  const at = tape.below(value.length)
  switch (tape.below(6)) {
    case 0:
      return value.filter((_, i) => i !== at)
    case 1:
      return [...value.slice(0, at), ...value.slice(at, at + 1), ...value.slice(at)]
    case 2:
      return [...value].reverse()
    case 3:
      return []
    case 4:
      return [...value.slice(at), ...value.slice(0, at)]
    default: {
      const repeated: unknown[] = []
      for (let left = 1 + tape.below(64); left > 0; left--) repeated.push(...value.slice(at, at + 1))
      return [...value, ...repeated]
    }
  }
}

/** The same path of fields in a copy, with another value at its end. */
function replaceAt(value: unknown, path: readonly (string | number)[], replacement: unknown): unknown {
  const [first, ...rest] = path
  if (first === undefined) return replacement
  if (Array.isArray(value)) {
    return value.map((element: unknown, i) => (i === first ? replaceAt(element, rest, replacement) : element))
  }
  if (!isFields(value)) return value
  return { ...value, [first]: replaceAt(value[first], rest, replacement) }
}

interface Place {
  readonly path: readonly (string | number)[]
  readonly value: unknown
}

function placesOf(value: unknown, path: readonly (string | number)[], places: Place[]): void {
  places.push({ path, value })
  if (Array.isArray(value)) {
    for (const [i, element] of value.entries()) placesOf(element, [...path, i], places)
  } else if (isFields(value)) {
    for (const [name, field] of Object.entries(value)) placesOf(field, [...path, name], places)
  }
}

function changed({ path, value }: Place, tape: Tape, donors: Donors): unknown {
  if (typeof value === 'number') return changeNumber(value, tape)
  if (typeof value === 'bigint') return changeBigNumber(value, tape)
  if (value instanceof Uint8Array) return changeBytes(value, tape, donors)
  if (Array.isArray(value)) return changeList(value, tape)
  if (value === undefined) return path.at(-1) === 'path' ? invent(updatePath, tape) : undefined
  const kind = kindOf(value)
  const [, arbitrary] = KINDS[kind] ?? []
  const parts = donors.parts(kind)
  if (parts.length > 0 && (arbitrary === undefined || !tape.once(3))) return tape.pick(parts)
  return arbitrary === undefined ? value : invent(arbitrary, tape)
}

/** Text is what discriminates unions: exchanging it alone would only make values that no decoder returns. */
function isChangeable({ value }: Place): boolean {
  return typeof value !== 'string'
}

/**
 * A copy with one to three changes. The result has the shape of a wire type but need not be one: what does not encode is
 * for the caller to discard.
 */
export function mutateValue<T>(value: T, tape: Tape, donors: Donors): T {
  let result: unknown = value
  for (let left = 1 + tape.below(3); left > 0; left--) {
    const places: Place[] = []
    placesOf(result, [], places)
    const candidates = places.filter(isChangeable)
    const place = candidates[tape.below(candidates.length)]
    if (place !== undefined) result = replaceAt(result, place.path, changed(place, tape, donors))
  }
  return result as T
}
