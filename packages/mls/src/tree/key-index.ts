/**
 * A persistent map from public keys to the nodes that hold them: adding or removing a key copies a few small branches
 * and leaves every earlier version as it was. It answers "is this key anywhere in the tree" without a walk, and counts
 * keys that more than one node holds, so that uniqueness (RFC 9420 §7.3, §16.7) is one comparison.
 *
 * A trie over the nibbles of the key itself. Whoever chooses keys with long common prefixes makes only those keys'
 * branches deeper, by at most two levels a byte, so key sizes are bounded.
 */
import { equalBytes } from '@dmls/crypto'
import { MlsError, malformed } from '../errors.ts'

/** Longer keys are refused: twice the largest public key of a registered cipher suite, and some room. */
export const KEY_SIZE_MAX = 512

interface Entry {
  readonly key: Uint8Array
  /** A node that holds the key, and the others (none in a valid tree). */
  readonly holder: number
  readonly others: readonly number[]
}

interface Branch {
  /** Which of the 17 digits have a child; children are in digit order. */
  readonly bitmap: number
  readonly children: readonly Child[]
}

type Child = Entry | Branch

/** One key and the index of the node that holds it. */
export interface HeldKey {
  readonly key: Uint8Array
  readonly holder: number
}

const NO_OTHERS: readonly number[] = []
const EMPTY_BRANCH: Branch = { bitmap: 0, children: [] }

export class KeyIndex {
  static readonly empty: KeyIndex = new KeyIndex(EMPTY_BRANCH, 0, 0)

  readonly #root: Branch
  /** How many different keys there are. */
  readonly size: number
  /** How many keys have more than one holder; zero in a valid tree. */
  readonly duplicates: number

  private constructor(root: Branch, size: number, duplicates: number) {
    this.#root = root
    this.size = size
    this.duplicates = duplicates
  }

  /** An index of many keys at once; what repeated {@link add} gives, without its copies. */
  static of(keys: readonly HeldKey[]): KeyIndex {
    const tally = { size: 0, duplicates: 0 }
    for (const { key } of keys) checkSize(key)
    return new KeyIndex(buildBranch(keys, 0, tally), tally.size, tally.duplicates)
  }

  /** The nodes that hold a key: none, one, or several in a tree that is not valid. */
  holders(key: Uint8Array): readonly number[] {
    let at: Child = this.#root
    for (let depth = 0; 'bitmap' in at; depth++) {
      const bit = 1 << digit(key, depth)
      if ((at.bitmap & bit) === 0) return NO_OTHERS
      at = at.children[rank(at.bitmap, bit)] as Child
    }
    if (!equalBytes(at.key, key)) return NO_OTHERS
    return at.others.length === 0 ? [at.holder] : [at.holder, ...at.others]
  }

  has(key: Uint8Array): boolean {
    return this.holders(key).length > 0
  }

  /** @throws MlsError `key_too_long` */
  add(key: Uint8Array, holder: number): KeyIndex {
    checkSize(key)
    const before = this.holders(key).length
    return new KeyIndex(
      insert(this.#root, { key, holder, others: NO_OTHERS }, 0),
      this.size + (before === 0 ? 1 : 0),
      this.duplicates + (before === 1 ? 1 : 0),
    )
  }

  /** Forgets one holder of a key. The pair must be in the index. */
  remove(key: Uint8Array, holder: number): KeyIndex {
    const before = this.holders(key)
    if (!before.includes(holder))
      throw new MlsError('internal', 'key_not_indexed', 'a key to forget is not in the index')
    const root = removeFrom(this.#root, key, holder, 0)
    return new KeyIndex(
      root !== undefined && 'bitmap' in root ? root : wrap(root),
      this.size - (before.length === 1 ? 1 : 0),
      this.duplicates - (before.length === 2 ? 1 : 0),
    )
  }
}

function checkSize(key: Uint8Array): void {
  if (key.length > KEY_SIZE_MAX) throw malformed('key_too_long', 'a public key is longer than any cipher suite has')
}

/** The nibble at a depth; 16 past the key's end, so that a key can be the prefix of another. */
function digit(key: Uint8Array, depth: number): number {
  const byte = key[depth >> 1]
  if (byte === undefined) return 16
  return (depth & 1) === 0 ? byte >> 4 : byte & 0x0f
}

/** Where the child of a bit stands among the children: how many lower bits are set. */
function rank(bitmap: number, bit: number): number {
  let below = bitmap & (bit - 1)
  below -= (below >> 1) & 0x55555555
  below = (below & 0x33333333) + ((below >> 2) & 0x33333333)
  below = (below + (below >> 4)) & 0x0f0f0f0f
  return Math.imul(below, 0x01010101) >>> 24
}

/** The root stays a branch even around one entry or none. */
function wrap(child: Entry | undefined): Branch {
  return child === undefined ? EMPTY_BRANCH : { bitmap: 1 << digit(child.key, 0), children: [child] }
}

function withHolder(entry: Entry, holder: number): Entry {
  return { key: entry.key, holder: entry.holder, others: [...entry.others, holder] }
}

function insert(branch: Branch, entry: Entry, depth: number): Branch {
  const bit = 1 << digit(entry.key, depth)
  const at = rank(branch.bitmap, bit)
  const children = branch.children.slice()
  if ((branch.bitmap & bit) === 0) {
    children.splice(at, 0, entry)
    return { bitmap: branch.bitmap | bit, children }
  }
  const child = children[at] as Child
  if ('bitmap' in child) children[at] = insert(child, entry, depth + 1)
  else if (equalBytes(child.key, entry.key)) children[at] = withHolder(child, entry.holder)
  else children[at] = fork(child, entry, depth + 1)
  return { bitmap: branch.bitmap, children }
}

/** The branch under which two entries with different keys part. */
function fork(a: Entry, b: Entry, depth: number): Branch {
  const digitA = digit(a.key, depth)
  const digitB = digit(b.key, depth)
  const bitmap = (1 << digitA) | (1 << digitB)
  if (digitA === digitB) return { bitmap, children: [fork(a, b, depth + 1)] }
  return { bitmap, children: digitA < digitB ? [a, b] : [b, a] }
}

/** What remains of a branch: undefined when nothing does, the entry itself when only one does. */
function removeFrom(branch: Branch, key: Uint8Array, holder: number, depth: number): Child | undefined {
  const bit = 1 << digit(key, depth)
  const at = rank(branch.bitmap, bit)
  const child = branch.children[at] as Child
  const next = 'bitmap' in child ? removeFrom(child, key, holder, depth + 1) : withoutHolder(child, holder)
  const children = branch.children.slice()
  let bitmap = branch.bitmap
  if (next === undefined) {
    children.splice(at, 1)
    bitmap &= ~bit
  } else {
    children[at] = next
  }
  const [first, second] = children
  if (first === undefined) return undefined
  if (second === undefined && !('bitmap' in first)) return first
  return { bitmap, children }
}

function withoutHolder(entry: Entry, holder: number): Entry | undefined {
  const [first, ...others] = [entry.holder, ...entry.others].filter((held) => held !== holder)
  return first === undefined ? undefined : { key: entry.key, holder: first, others }
}

function buildBranch(keys: readonly HeldKey[], depth: number, tally: { size: number; duplicates: number }): Branch {
  const buckets: HeldKey[][] = []
  for (const held of keys) {
    const at = digit(held.key, depth)
    const bucket = buckets[at]
    if (bucket === undefined) buckets[at] = [held]
    else bucket.push(held)
  }
  let bitmap = 0
  const children: Child[] = []
  for (let at = 0; at < buckets.length; at++) {
    const bucket = buckets[at]
    if (bucket === undefined) continue
    bitmap |= 1 << at
    children.push(buildChild(bucket, depth + 1, tally))
  }
  return { bitmap, children }
}

function buildChild(bucket: readonly HeldKey[], depth: number, tally: { size: number; duplicates: number }): Child {
  const first = bucket[0] as HeldKey
  if (bucket.length > 1 && bucket.some(({ key }) => !equalBytes(key, first.key))) {
    return buildBranch(bucket, depth, tally)
  }
  tally.size++
  if (bucket.length > 1) tally.duplicates++
  return {
    key: first.key,
    holder: first.holder,
    others: bucket.length === 1 ? NO_OTHERS : bucket.slice(1).map((held) => held.holder),
  }
}
