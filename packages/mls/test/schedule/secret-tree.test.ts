import { inspect } from 'node:util'
import { toHex } from '@dmls/crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeWhole, Reader } from '../../src/codec/reader.ts'
import { Writer } from '../../src/codec/writer.ts'
import { deriveSenderDataKey } from '../../src/framing/private-message.ts'
import { deriveSecret, deriveTreeSecret } from '../../src/schedule/labeled.ts'
import {
  createSecretTree,
  type RatchetKind,
  SECRET_TREE_LIMITS,
  SecretTree,
  type SecretTreeStep,
} from '../../src/schedule/secret-tree.ts'
import { deriveTreeChild } from '../../src/schedule/tree-child.ts'
import { lingering, recording } from '../recording-suite.ts'
import { providers, suite } from '../suites.ts'
import { claimedBy, hex, vectorTest } from '../vectors.ts'

type Generation = Readonly<
  Record<'handshake_key' | 'handshake_nonce' | 'application_key' | 'application_nonce', string>
> & { readonly generation: number }

interface SecretTreeVector {
  readonly cipher_suite: number
  readonly sender_data: Readonly<Record<'sender_data_secret' | 'ciphertext' | 'key' | 'nonce', string>>
  readonly encryption_secret: string
  readonly leaves: readonly (readonly Generation[])[]
}

const KINDS: readonly RatchetKind[] = ['handshake', 'application']

for (const provider of providers) {
  vectorTest<SecretTreeVector>(
    'mls',
    'secret-tree',
    `${provider.name}: sender data keys and every generation of secret-tree are as published`,
    (vectors) => {
      expect(new Set(vectors.map((v) => v.cipher_suite)).size).toBe(7)
      for (const { suite, vector } of claimedBy(provider, vectors)) {
        const { sender_data_secret, ciphertext, key, nonce } = vector.sender_data
        expect(deriveSenderDataKey(suite, hex(sender_data_secret), hex(ciphertext))).toEqual({
          key: hex(key),
          nonce: hex(nonce),
        })
        let received = createSecretTree(suite, hex(vector.encryption_secret), vector.leaves.length)
        for (const [leafIndex, generations] of vector.leaves.entries()) {
          for (const entry of generations) {
            for (const kind of KINDS) {
              const step = received.receiveKey(leafIndex, kind, entry.generation, SECRET_TREE_LIMITS)
              expect(toHex(step.key)).toBe(entry[`${kind}_key`])
              expect(toHex(step.nonce)).toBe(entry[`${kind}_nonce`])
              received = step.tree
            }
          }
        }
      }
    },
  )
}

const ROOT: Uint8Array = new Uint8Array(32).fill(0xa5)
const LEAVES = 8

/** The same key without a tree: everything derived anew from the root. */
function eagerKey(
  leafIndex: number,
  kind: RatchetKind,
  generation: number,
): { readonly key: string; readonly nonce: string } {
  let node: Uint8Array = ROOT
  for (let size = LEAVES / 2; size >= 1; size /= 2)
    node = deriveTreeChild(suite, node, leafIndex & size ? 'right' : 'left')
  let ratchet = deriveSecret(suite, node, kind)
  for (let at = 0; at < generation; at++) ratchet = deriveTreeSecret(suite, ratchet, 'secret', at, 32)
  return {
    key: toHex(deriveTreeSecret(suite, ratchet, 'key', generation, suite.keySize)),
    nonce: toHex(deriveTreeSecret(suite, ratchet, 'nonce', generation, suite.nonceSize)),
  }
}

function keyOf(step: SecretTreeStep): { readonly key: string; readonly nonce: string } {
  return { key: toHex(step.key), nonce: toHex(step.nonce) }
}

function encoded(tree: SecretTree): Uint8Array {
  const writer = new Writer()
  tree.encode(writer)
  return writer.finish()
}

function decoded(bytes: Uint8Array): SecretTree {
  return decodeWhole(bytes, (reader) => SecretTree.decode(suite, reader))
}

function wipeAll(secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0)
}

/** Every secret that a tree holds, in the order of its encoding: node secrets, ratchet secrets, kept keys with nonces. */
function secretsOf(tree: SecretTree): string[] {
  const reader = new Reader(encoded(tree))
  const secrets: string[] = []
  reader.uint32()
  while (reader.remaining > 0) {
    const kind = reader.uint8()
    if (kind === 0) secrets.push(toHex(reader.fixed(32)))
    for (let ratchet = 0; kind === 2 && ratchet < 2; ratchet++) {
      reader.uint64()
      secrets.push(toHex(reader.fixed(32)))
      const runs = reader.vector((r) => ({ first: r.uint32(), keys: r.opaque() }))
      for (const { keys } of runs) secrets.push(...(toHex(keys).match(/.{56}/g) ?? []))
    }
  }
  return secrets
}

function unwiped(tree: SecretTree): string[] {
  return secretsOf(tree).filter((secret) => !/^0+$/.test(secret))
}

const newTree = (): SecretTree => createSecretTree(suite, ROOT, LEAVES)

/** The eager model: which generations of a ratchet are kept, and which comes next. */
class ModelRatchet {
  next = 0
  readonly kept: number[] = []

  take(generation: number, forwardMax: number, keptMax: number): 'ok' | 'generation_used' | 'generation_too_far' {
    if (generation < this.next) {
      const at = this.kept.indexOf(generation)
      if (at < 0) return 'generation_used'
      this.kept.splice(at, 1)
      return 'ok'
    }
    if (generation - this.next > forwardMax) return 'generation_too_far'
    for (let skipped = this.next; skipped < generation; skipped++) this.kept.push(skipped)
    this.kept.splice(0, Math.max(0, this.kept.length - keptMax))
    this.next = generation + 1
    return 'ok'
  }
}

const operation = fc.record({
  leafIndex: fc.nat(LEAVES - 1),
  kind: fc.constantFrom(...KINDS),
  /** Where the message is, relative to the next generation; undefined sends. */
  offset: fc.option(fc.integer({ min: -6, max: 8 }), { nil: undefined }),
  store: fc.boolean(),
  abandon: fc.boolean(),
})
const limitsArbitrary = fc.record({ forwardMax: fc.nat(6), keptMax: fc.nat(6) })

describe('the secret tree', () => {
  test('equals the eager model under any order of sending and receiving, with superseded buffers wiped at once', () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 40 }), limitsArbitrary, (operations, limits) => {
        const models = new Map<string, ModelRatchet>()
        let tree = newTree()
        for (const { leafIndex, kind, offset, store, abandon } of operations) {
          const name = `${leafIndex} ${kind}`
          const model = models.get(name) ?? new ModelRatchet()
          models.set(name, model)
          const generation = offset === undefined ? model.next : Math.max(0, model.next + offset)
          const run = () =>
            offset === undefined
              ? tree.nextSendKey(leafIndex, kind)
              : tree.receiveKey(leafIndex, kind, generation, limits)
          if (abandon) {
            const before = encoded(tree)
            try {
              wipeAll(run().created)
            } catch {
              // refused: unchanged all the same
            }
            expect(encoded(tree)).toEqual(before)
            continue
          }
          const outcome = model.take(generation, limits.forwardMax, limits.keptMax)
          if (outcome !== 'ok') {
            expect(run).toThrow(expect.objectContaining({ blame: 'invalid', code: outcome }))
            continue
          }
          const step = run()
          expect(step.generation).toBe(generation)
          expect(keyOf(step)).toEqual(eagerKey(leafIndex, kind, generation))
          wipeAll(step.superseded)
          wipeAll([step.key, step.nonce])
          tree = store ? decoded(encoded(step.tree)) : step.tree
        }
      }),
    )
  })

  test('is stored by what has changed: its records are those of a few subtrees, and give the same tree', () => {
    // in a tree of 64 leaves most have others beside them in their record, and some skip so much that they have not
    const manyLeaves = operation.chain((one) => fc.nat({ max: 63 }).map((leafIndex) => ({ ...one, leafIndex })))
    const some = fc.oneof(fc.array(operation, { minLength: 1, maxLength: 25 }), fc.array(manyLeaves, { minLength: 20 }))
    const limits = { forwardMax: 200, keptMax: 200 }
    fc.assert(
      fc.property(some, (operations) => {
        const leaves = operations.some(({ leafIndex }) => leafIndex >= LEAVES) ? 64 : LEAVES
        const records = new Map<number, Uint8Array>()
        const store = (tree: SecretTree, base: SecretTree | undefined): number => {
          const changes = [...tree.changesSince(base)]
          for (const { node, record, replacedSize } of changes) {
            expect(replacedSize).toBe(records.get(node)?.length ?? 0)
            if (record === undefined) expect(records.delete(node)).toBe(true)
            else records.set(node, record)
          }
          return changes.length
        }
        let tree = createSecretTree(suite, ROOT, leaves)
        expect(store(tree, undefined)).toBe(1)
        expect(store(tree, tree)).toBe(0)
        const next = new Map<string, number>()
        for (const { leafIndex, kind, offset } of operations) {
          const generation = (next.get(`${leafIndex} ${kind}`) ?? 0) + (offset ?? 0)
          const step =
            offset === undefined || offset < 0
              ? tree.nextSendKey(leafIndex, kind)
              : tree.receiveKey(leafIndex, kind, generation, limits)
          next.set(`${leafIndex} ${kind}`, step.generation + 1)
          expect(store(step.tree, tree)).toBeLessThanOrEqual(2 * Math.log2(leaves) + 1)
          tree = step.tree
          const loaded = SecretTree.fromRecords(suite, leaves, records)
          expect(encoded(loaded)).toEqual(encoded(tree))
          expect(new Set(tree.recordedNodes())).toEqual(new Set(records.keys()))
        }
        // whoever skipped nothing shares a record of a bounded size with others
        for (const [node, record] of records) if (node % 2 === 1) expect(record.length).toBeLessThanOrEqual(768)
      }),
    )
  })

  test('is read from few records when everybody was heard, and a message rewrites one of them', () => {
    let tree = createSecretTree(suite, ROOT, 1024)
    for (let leafIndex = 0; leafIndex < 1024; leafIndex++) tree = tree.nextSendKey(leafIndex, 'application').tree
    expect([...tree.recordedNodes()].length).toBe(128)
    const [change, ...others] = tree.nextSendKey(500, 'application').tree.changesSince(tree)
    expect(others).toEqual([])
    expect(change?.record?.length).toBeLessThanOrEqual(768)
  })

  test('goes together again when what made a record too large is used up', () => {
    const limits = { forwardMax: 200, keptMax: 200 }
    const small = newTree()
    const large = small.receiveKey(3, 'handshake', 30, limits).tree
    expect([...large.recordedNodes()].sort((a, b) => a - b)).toEqual([1, 4, 6, 11])
    let tree = large
    for (let generation = 0; generation < 30; generation++) {
      tree = tree.receiveKey(3, 'handshake', generation, limits).tree
    }
    const changes = [...tree.changesSince(large)]
    expect(changes.map(({ node, record }) => [node, record !== undefined])).toEqual([
      [7, true],
      [1, false],
      [4, false],
      [6, false],
      [11, false],
    ])
  })

  test('is not made from records with a gap, with one that covers another, or that are not the largest', () => {
    const records = new Map<number, Uint8Array>()
    const large = newTree().receiveKey(3, 'handshake', 30, { forwardMax: 200, keptMax: 200 }).tree
    for (const { node, record } of large.changesSince(undefined)) records.set(node, record as Uint8Array)
    expect([...records.keys()].sort((a, b) => a - b)).toEqual([1, 4, 6, 11])
    SecretTree.fromRecords(suite, LEAVES, records)
    const bad = expect.objectContaining({ blame: 'malformed', code: 'bad_secret_tree' })
    for (const node of records.keys()) {
      const others = new Map([...records].filter(([other]) => other !== node))
      expect(() => SecretTree.fromRecords(suite, LEAVES, others)).toThrow(bad)
    }
    const whole = new Writer()
    large.encode(whole)
    expect(() => SecretTree.fromRecords(suite, LEAVES, new Map([[7, whole.finish().slice(4)]]))).toThrow(bad)
    expect(() => SecretTree.fromRecords(suite, 3, records)).toThrow(expect.objectContaining({ code: 'bad_leaf_count' }))
    const secrets = new Map([4, 0, 2, 6].map((node) => [node, Uint8Array.from([0, ...ROOT])]))
    expect(() => SecretTree.fromRecords(suite, 4, secrets)).toThrow(bad)
    const [small] = newTree().nextSendKey(0, 'handshake').tree.changesSince(undefined)
    const record = small?.record ?? new Uint8Array(0)
    const half = record.length - 1 - ROOT.length
    const divided = new Map([
      [3, record.slice(1, half)],
      [11, record.slice(half)],
    ])
    expect(() => SecretTree.fromRecords(suite, LEAVES, divided)).toThrow(bad)
  })

  test('stays usable after a step, until what the step superseded is wiped', () => {
    const tree = newTree().nextSendKey(3, 'application').tree
    const step = tree.nextSendKey(3, 'application')
    expect(keyOf(step)).toEqual(eagerKey(3, 'application', 1))
    expect(keyOf(tree.nextSendKey(3, 'application'))).toEqual(keyOf(step))
    wipeAll(step.superseded)
    expect(keyOf(tree.nextSendKey(3, 'application'))).not.toEqual(keyOf(step))
    expect(keyOf(step.tree.nextSendKey(3, 'application'))).toEqual(eagerKey(3, 'application', 2))
  })

  test('names exactly the buffers by which two trees differ', () => {
    const steps: ((tree: SecretTree) => SecretTreeStep)[] = [
      (tree) => tree.receiveKey(5, 'application', 4, SECRET_TREE_LIMITS),
      (tree) => tree.receiveKey(5, 'application', 2, SECRET_TREE_LIMITS),
      (tree) => tree.receiveKey(5, 'application', 5, SECRET_TREE_LIMITS),
      (tree) => tree.receiveKey(4, 'handshake', 0, SECRET_TREE_LIMITS),
      (tree) => tree.receiveKey(5, 'application', 9, { forwardMax: 10, keptMax: 4 }),
      (tree) => tree.nextSendKey(0, 'handshake'),
      (tree) => tree.nextSendKey(5, 'application'),
    ]
    let tree = newTree()
    for (const run of steps) {
      const before = secretsOf(tree)
      const givenUp = run(tree)
      const after = secretsOf(givenUp.tree)
      wipeAll(givenUp.created)
      expect(secretsOf(tree)).toEqual(before)
      expect(unwiped(givenUp.tree)).toEqual(after.filter((secret) => before.includes(secret)))

      const step = run(tree)
      wipeAll(step.superseded)
      expect(secretsOf(step.tree)).toEqual(after)
      expect(unwiped(tree)).toEqual(before.filter((secret) => after.includes(secret)))
      tree = step.tree
    }
  })

  test('leaves no derived secret behind that nobody owns, whether a step succeeds or is refused', () => {
    const recorded = recording(suite)
    const tree = createSecretTree(recorded, ROOT, LEAVES)
    expect(() => tree.receiveKey(1, 'application', 7, { forwardMax: 6, keptMax: 6 })).toThrow()
    expect(recorded.handedOut.length).toBeGreaterThan(0)
    expect(lingering(recorded, [])).toEqual([])
    const step = tree.receiveKey(1, 'application', 6, SECRET_TREE_LIMITS)
    expect(lingering(recorded, [step.key, step.nonce, ...step.created])).toEqual([])
  })

  test('holds nothing that bob could decrypt an old message of alice with, once he has read it', () => {
    const [alice, generation] = [2, 3]
    const secrets: Uint8Array[] = [ROOT]
    for (let size = LEAVES / 2; size >= 1; size /= 2) {
      secrets.push(deriveTreeChild(suite, secrets.at(-1) as Uint8Array, alice & size ? 'right' : 'left'))
    }
    let ratchet = deriveSecret(suite, secrets.at(-1) as Uint8Array, 'application')
    for (let at = 0; at <= generation; at++) {
      secrets.push(ratchet)
      ratchet = deriveTreeSecret(suite, ratchet, 'secret', at, 32)
    }
    const { key, nonce } = eagerKey(alice, 'application', generation)
    const step = newTree().receiveKey(alice, 'application', generation, SECRET_TREE_LIMITS)
    const bytes = toHex(encoded(step.tree))
    for (const consumed of [...secrets.map(toHex), key, nonce]) expect(bytes).not.toContain(consumed)
    // RFC 9420 §9.2: skipped keys, the next ratchet secret and the handshake ratchet may be kept
    for (const unconsumed of [eagerKey(alice, 'application', 2).key, toHex(ratchet)])
      expect(bytes).toContain(unconsumed)
  })

  test('refuses a used generation, and one that is too far ahead', () => {
    const limits = { forwardMax: 5, keptMax: 5 }
    const tree = newTree().receiveKey(1, 'application', 5, limits).tree
    expect(() => tree.receiveKey(1, 'application', 5, limits)).toThrow(
      expect.objectContaining({ code: 'generation_used' }),
    )
    expect(() => tree.receiveKey(1, 'application', 12, limits)).toThrow(
      expect.objectContaining({ code: 'generation_too_far' }),
    )
    expect(tree.receiveKey(1, 'application', 11, limits).generation).toBe(11)
    expect(() => newTree().receiveKey(0, 'handshake', 0xffffffff, SECRET_TREE_LIMITS)).toThrow(
      expect.objectContaining({ code: 'generation_too_far' }),
    )
  })

  test('keeps a bounded number of skipped keys, the latest ones', () => {
    const limits = { forwardMax: 10, keptMax: 12 }
    let tree = newTree()
    for (let generation = 10; generation < 1000; generation += 11) {
      const step = tree.receiveKey(0, 'application', generation, limits)
      wipeAll(step.superseded)
      tree = step.tree
    }
    expect(encoded(tree).length).toBeLessThan(12 * 28 + 400)
    expect(() => tree.receiveKey(0, 'application', 900, limits)).toThrow(
      expect.objectContaining({ code: 'generation_used' }),
    )
    expect(keyOf(tree.receiveKey(0, 'application', 988, limits))).toEqual(eagerKey(0, 'application', 988))
  })

  test('refuses senders outside the tree and trees that are none', () => {
    for (const leafIndex of [-1, LEAVES, 2 ** 32 - 1, 0.5]) {
      expect(() => newTree().receiveKey(leafIndex, 'handshake', 0, SECRET_TREE_LIMITS)).toThrow(
        expect.objectContaining({ blame: 'invalid', code: 'bad_leaf_index' }),
      )
    }
    for (const leafCount of [0, 3, -4, 1.5, Number.NaN]) {
      expect(() => createSecretTree(suite, ROOT, leafCount)).toThrow(
        expect.objectContaining({ code: 'bad_leaf_count' }),
      )
    }
    expect(() => createSecretTree(suite, new Uint8Array(31), 2)).toThrow(
      expect.objectContaining({ code: 'bad_root_secret' }),
    )
  })

  test('ends after the last generation', () => {
    // a stored tree of one leaf whose ratchets stand at the last generation
    const ratchet = (generation: bigint) => (writer: Writer) => writer.uint64(generation).fixed(ROOT).length(0)
    const writer = new Writer().uint32(1).uint8(2)
    ratchet(0xffffffffn)(writer)
    ratchet(0x100000000n)(writer)
    const tree = decoded(writer.finish())
    const last = tree.nextSendKey(0, 'handshake')
    expect(last.generation).toBe(0xffffffff)
    for (const [spent, kind] of [
      [last.tree, 'handshake'],
      [tree, 'application'],
    ] as const) {
      expect(() => spent.nextSendKey(0, kind)).toThrow(expect.objectContaining({ code: 'generations_exhausted' }))
      expect(() => spent.receiveKey(0, kind, 0xffffffff, SECRET_TREE_LIMITS)).toThrow(
        expect.objectContaining({ code: 'generation_used' }),
      )
      expect(encoded(decoded(encoded(spent)))).toEqual(encoded(spent))
    }
  })

  test('shows no secret in logs and JSON', () => {
    for (const tree of [newTree(), newTree().nextSendKey(1, 'handshake').tree]) {
      const shown = inspect(tree, { depth: Number.POSITIVE_INFINITY, showHidden: true }) + JSON.stringify(tree)
      expect(shown).not.toMatch(/Uint8Array|secret"|ratchet/)
      expect(shown.length).toBeLessThan(120)
    }
  })

  test('copies the encryption secret and wipes everything that it holds', () => {
    const secret = ROOT.slice()
    let tree = createSecretTree(suite, secret, LEAVES)
    secret.fill(0)
    tree = tree.receiveKey(1, 'application', 3, SECRET_TREE_LIMITS).tree
    expect(keyOf(tree.receiveKey(1, 'application', 1, SECRET_TREE_LIMITS))).toEqual(eagerKey(1, 'application', 1))
    tree.wipe()
    // what is left are tags, generations and lengths
    expect(encoded(tree).filter((byte) => byte !== 0).length).toBeLessThan(20)
  })

  test('is read strictly', () => {
    const secret = [...ROOT]
    const ratchet = [0, 0, 0, 0, 0, 0, 0, 2, ...secret]
    const keys = (count: number) => [
      count * 28 > 63 ? 0x40 : count * 28,
      ...(count * 28 > 63 ? [count * 28] : []),
      ...new Array<number>(count * 28).fill(1),
    ]
    const run = (first: number, count: number) => [0, 0, 0, first, ...keys(count)]
    const leaf = (runs: readonly number[]) => [0, 0, 0, 1, 2, ...ratchet, runs.length, ...runs, ...ratchet, 0]
    const unordered = [
      ...new Writer()
        .uint32(1)
        .uint8(2)
        .uint64(9n)
        .fixed(ROOT)
        .vector([5, 2], (w, first) => w.uint32(first).opaque(new Uint8Array(28)))
        .finish(),
      ...ratchet,
      0,
    ]
    const refused: readonly (readonly number[])[] = [
      [0, 0, 0, 3, 0, ...secret], // three leaves
      [0, 0, 0, 2, 3], // no such kind
      [0, 0, 0, 2, 1, 0, ...secret, 0, ...secret], // opened, yet nobody below
      [0, 0, 0, 1, 1, 0, ...secret, 0, ...secret], // a split leaf
      [0, 0, 0, 2, 2, ...ratchet, 0, ...ratchet, 0], // ratchets above the leaves
      leaf(run(0, 2)), // touches the next generation
      leaf([0, 0, 0, 0, 0]), // an empty run
      unordered, // a run before the one it follows
      leaf([0, 0, 0, 0, 27, ...new Array<number>(27).fill(1)]), // no whole key
      [0, 0, 0, 1, 2, 0, 0, 0, 1, 0, 0, 0, 1, ...secret, 0, ...ratchet, 0], // beyond the last generation
    ]
    for (const bytes of refused) {
      expect(() => decoded(Uint8Array.from(bytes))).toThrow(expect.objectContaining({ blame: 'malformed' }))
    }
    expect(encoded(decoded(Uint8Array.from(leaf(run(0, 1)))))).toEqual(Uint8Array.from(leaf(run(0, 1))))
  })

  test('a message in a group of 100 000 touches only its way through the tree', () => {
    const big = createSecretTree(suite, ROOT, 2 ** 17)
    const first = big.nextSendKey(99_999, 'application')
    expect(first.created.length).toBe(17 + 3)
    const second = first.tree.nextSendKey(99_999, 'application')
    expect(second.created.length).toBe(1)
    expect(second.superseded.length).toBe(1)
  })
})
