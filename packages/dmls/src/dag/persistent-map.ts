/**
 * A persistent map from hex text to values: setting a key copies the O(log n) nodes above it and shares the rest, so
 * that every version stays as it was. A trie over the digits of the key; keys here are hashes, so it is shallow
 * without any balancing. Iterates in ascending order of the keys, whatever the order of insertion.
 */

interface Leaf<V> {
  readonly key: string
  readonly value: V
}

/** Slot 0: the key that ends here; slots 1 to 16: the next digit. */
type Branch<V> = readonly (Node<V> | undefined)[]
type Node<V> = Leaf<V> | Branch<V>

const SLOTS = 17

function isBranch<V>(node: Node<V>): node is Branch<V> {
  return Array.isArray(node)
}

/** Which slot of a branch at `depth` a key belongs to. */
function slot(key: string, depth: number): number {
  if (depth >= key.length) return 0
  const code = key.charCodeAt(depth)
  return code <= 0x39 ? code - 0x2f : code - 0x56
}

function withEntry<V>(node: Node<V> | undefined, depth: number, leaf: Leaf<V>): Node<V> {
  if (node === undefined) return leaf
  if (!isBranch(node)) {
    if (node.key === leaf.key) return leaf
    const split: (Node<V> | undefined)[] = new Array<Node<V> | undefined>(SLOTS).fill(undefined)
    split[slot(node.key, depth)] = node
    return withEntry(split, depth, leaf)
  }
  const copy = node.slice()
  const at = slot(leaf.key, depth)
  copy[at] = withEntry(copy[at], depth + 1, leaf)
  return copy
}

function withoutEntry<V>(node: Node<V>, depth: number, key: string): Node<V> | undefined {
  if (!isBranch(node)) return undefined
  const at = slot(key, depth)
  const copy = node.slice()
  copy[at] = withoutEntry(node[at] as Node<V>, depth + 1, key)
  let only: Node<V> | undefined
  for (const child of copy) {
    if (child === undefined) continue
    if (only !== undefined) return copy
    only = child
  }
  // a branch above a single leaf is replaced by it; above a single branch it has to stay, for the digit it stands for
  return only !== undefined && isBranch(only) ? copy : only
}

function* walk<V>(node: Node<V>): Generator<Leaf<V>, void, undefined> {
  if (!isBranch(node)) {
    yield node
    return
  }
  for (const child of node) if (child !== undefined) yield* walk(child)
}

export class PersistentMap<K extends string, V> {
  readonly #root: Node<V> | undefined
  readonly size: number

  private constructor(root: Node<V> | undefined, size: number) {
    this.#root = root
    this.size = size
  }

  static empty<K extends string, V>(): PersistentMap<K, V> {
    return new PersistentMap<K, V>(undefined, 0)
  }

  get(key: K): V | undefined {
    let node = this.#root
    for (let depth = 0; node !== undefined; depth++) {
      if (!isBranch(node)) return node.key === key ? node.value : undefined
      node = node[slot(key, depth)]
    }
    return undefined
  }

  has(key: K): boolean {
    return this.get(key) !== undefined
  }

  /** A map that also has the entry. Values are never undefined. */
  set(key: K, value: V & {}): PersistentMap<K, V> {
    const present = this.get(key)
    if (present === value) return this
    return new PersistentMap<K, V>(
      withEntry(this.#root, 0, { key, value }),
      this.size + (present === undefined ? 1 : 0),
    )
  }

  delete(key: K): PersistentMap<K, V> {
    if (this.#root === undefined || this.get(key) === undefined) return this
    return new PersistentMap<K, V>(withoutEntry(this.#root, 0, key), this.size - 1)
  }

  /** Entries in ascending order of their keys. */
  *entries(): Generator<readonly [K, V], void, undefined> {
    if (this.#root === undefined) return
    for (const leaf of walk(this.#root)) yield [leaf.key as K, leaf.value]
  }

  /** Keys in ascending order. */
  *keys(): Generator<K, void, undefined> {
    if (this.#root === undefined) return
    for (const leaf of walk(this.#root)) yield leaf.key as K
  }

  /** Values in ascending order of their keys. */
  *values(): Generator<V, void, undefined> {
    if (this.#root === undefined) return
    for (const leaf of walk(this.#root)) yield leaf.value
  }
}
