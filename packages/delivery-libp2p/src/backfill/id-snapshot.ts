/**
 * The identifiers of a topic's messages at one moment, sorted, for range-based set reconciliation: two peers compare a
 * fingerprint of a whole range; where it differs they compare its sixteen parts; where a part is small they exchange its
 * identifiers. Equal sets cost one round trip, and d differences among n about d·log n small records.
 *
 * A fingerprint is a hash of the sorted identifiers themselves. Sums or exclusive ors would be cheaper to keep, but a
 * member could make messages up whose identifiers cancel out, and so keep two peers from ever noticing a difference.
 */
import { sha256 } from '../sha256.ts'

export const ID_SIZE = 32
export const FINGERPRINT_SIZE = 16
export const NIBBLES_MAX: number = 2 * ID_SIZE

/** The first nibbles of identifiers: all with that beginning are a range. */
export type Prefix = readonly number[]

export class IdSnapshot {
  /** Sorted identifiers, end to end. */
  readonly #bytes: Uint8Array
  /** Of each sorted identifier, where it stood in the order given. */
  readonly #positions: Uint32Array
  /** Bytes hashed so far: what questions have cost. */
  #hashedBytes = 0

  private constructor(bytes: Uint8Array, positions: Uint32Array) {
    this.#bytes = bytes
    this.#positions = positions
  }

  /** Takes at most `idsMax` identifiers of 32 bytes; of equal ones the first counts. */
  static async collect(ids: AsyncIterable<Uint8Array> | Iterable<Uint8Array>, idsMax: number): Promise<IdSnapshot> {
    let bytes = new Uint8Array(64 * ID_SIZE)
    let count = 0
    for await (const id of ids) {
      if (count === idsMax) break
      if (id.length !== ID_SIZE) throw new RangeError('an identifier has 32 bytes')
      if ((count + 1) * ID_SIZE > bytes.length) {
        const larger = new Uint8Array(2 * bytes.length)
        larger.set(bytes)
        bytes = larger
      }
      bytes.set(id, count * ID_SIZE)
      count++
    }
    return sorted(bytes, count, (all, positions) => new IdSnapshot(all, positions))
  }

  get size(): number {
    return this.#positions.length
  }

  get hashedBytes(): number {
    return this.#hashedBytes
  }

  /** The sorted identifiers with that beginning: from the first index up to the second. */
  range(prefix: Prefix): readonly [from: number, to: number] {
    const low = new Uint8Array(ID_SIZE)
    const high = new Uint8Array(ID_SIZE).fill(0xff)
    for (const [i, nibble] of prefix.entries()) {
      const shift = i % 2 === 0 ? 4 : 0
      const at = i >> 1
      low[at] = (low[at] as number) | (nibble << shift)
      high[at] = ((high[at] as number) & ~(0xf << shift)) | (nibble << shift)
    }
    const from = this.#lowerBound(low)
    let to = this.#lowerBound(high)
    if (to < this.size && this.#compareAt(to, high) === 0) to++
    return [from, to]
  }

  /** How many identifiers have that beginning, and their fingerprint. */
  summarize(prefix: Prefix): { readonly count: number; readonly fingerprint: Uint8Array } {
    const [from, to] = this.range(prefix)
    if (from === to) return { count: 0, fingerprint: new Uint8Array(FINGERPRINT_SIZE) }
    this.#hashedBytes += (to - from) * ID_SIZE
    const hash = sha256(this.#bytes.subarray(from * ID_SIZE, to * ID_SIZE))
    return { count: to - from, fingerprint: hash.slice(0, FINGERPRINT_SIZE) }
  }

  /** The identifiers with that beginning, ascending, with their positions. */
  list(prefix: Prefix): readonly { readonly id: Uint8Array; readonly position: number }[] {
    const [from, to] = this.range(prefix)
    const listed = []
    for (let i = from; i < to; i++) listed.push({ id: this.#at(i).slice(), position: this.#positions[i] as number })
    return listed
  }

  has(id: Uint8Array): boolean {
    const at = this.#lowerBound(id)
    return at < this.size && this.#compareAt(at, id) === 0
  }

  #at(index: number): Uint8Array {
    return this.#bytes.subarray(index * ID_SIZE, (index + 1) * ID_SIZE)
  }

  #lowerBound(id: Uint8Array): number {
    let low = 0
    let high = this.size
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compareAt(middle, id) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #compareAt(index: number, id: Uint8Array): number {
    return compareIds(this.#bytes, index, id, 0)
  }
}

/** Whether an identifier begins with a prefix. */
export function startsWith(id: Uint8Array, prefix: Prefix): boolean {
  return prefix.every((nibble, i) => (((id[i >> 1] as number) >> (i % 2 === 0 ? 4 : 0)) & 0xf) === nibble)
}

/** Sorts by the first 32 bits with the index in one number, then mends the few that share them. */
function sorted<T>(bytes: Uint8Array, count: number, make: (bytes: Uint8Array, positions: Uint32Array) => T): T {
  const view = new DataView(bytes.buffer)
  const INDEX_SPAN = 2 ** 21
  const keys = Float64Array.from({ length: count }, (_, i) => view.getUint32(i * ID_SIZE) * INDEX_SPAN + i).sort()
  const order = Uint32Array.from(keys, (key) => key % INDEX_SPAN)
  for (let i = 1; i < count; i++) {
    for (let j = i; j > 0; j--) {
      const [before, here] = [order[j - 1] as number, order[j] as number]
      if (compareIds(bytes, before, bytes, here) <= 0) break
      order[j - 1] = here
      order[j] = before
    }
  }
  const all = new Uint8Array(count * ID_SIZE)
  const positions = new Uint32Array(count)
  let kept = 0
  for (const [i, index] of order.entries()) {
    if (i > 0 && compareIds(bytes, order[i - 1] as number, bytes, index) === 0) continue
    all.set(bytes.subarray(index * ID_SIZE, (index + 1) * ID_SIZE), kept * ID_SIZE)
    positions[kept++] = index
  }
  return make(all.subarray(0, kept * ID_SIZE), positions.subarray(0, kept))
}

function compareIds(a: Uint8Array, aIndex: number, b: Uint8Array, bIndex: number): number {
  for (let i = 0; i < ID_SIZE; i++) {
    const difference = (a[aIndex * ID_SIZE + i] as number) - (b[bIndex * ID_SIZE + i] as number)
    if (difference !== 0) return difference
  }
  return 0
}
