/**
 * What one input can cost, whoever sent it: time and memory in proportion to its size, never to what it claims. The
 * factors are generous, since other tests run beside this one; without the bounds they are missed by orders of magnitude.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { decodeDmlsMessage } from '@dmls/dmls'
import {
  decodeMlsMessage,
  decodeRatchetTreeBytes,
  encodeLeafNode,
  encodeWhole,
  MlsError,
  PuncturableTree,
  Reader,
  readMessageHeader,
  SecretTree,
  Writer,
} from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import { fakeLeaf } from '../../packages/mls/test/tree/people.ts'
import { suiteOf } from './world/scene.ts'

const MEBIBYTE = 2 ** 20
const suite = suiteOf(1)

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

interface Cost {
  readonly elapsedMs: number
  readonly bytes: number
  readonly code: string
}

/** The time and memory that reading takes, garbage included. */
function costOf(read: () => unknown): Cost {
  collectGarbage()
  const before = process.memoryUsage()
  const start = performance.now()
  let code = 'read'
  let kept: unknown
  try {
    kept = read()
  } catch (error) {
    if (!(error instanceof MlsError)) throw error
    code = error.code
  }
  const elapsedMs = performance.now() - start
  const after = process.memoryUsage()
  const bytes = after.heapUsed + after.external - before.heapUsed - before.external
  expect(kept === undefined || code === 'read').toBe(true)
  return { elapsedMs, bytes, code }
}

/** The cheapest of three: the machine may be busy with something else. */
function cheapest(read: () => unknown): Cost {
  const costs = [costOf(read), costOf(read), costOf(read)]
  return {
    elapsedMs: Math.min(...costs.map((cost) => cost.elapsedMs)),
    bytes: Math.min(...costs.map((cost) => cost.bytes)),
    code: costs[0]?.code as string,
  }
}

/** `opaque<V>` of as many elements as fit into a mebibyte. */
function full(element: readonly number[]): Uint8Array {
  const count = Math.floor(MEBIBYTE / element.length)
  const body = new Uint8Array(count * element.length)
  for (let i = 0; i < count; i++) body.set(element, i * element.length)
  return new Writer(MEBIBYTE + 8).opaque(body).finish()
}

function message(wireFormat: number, ...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array {
  return new Uint8Array([0, 1, 0, wireFormat, ...parts.flatMap((part) => [...part])])
}

/** Up to the content of a PublicMessage: group, epoch, member 0, no authenticated data. */
const HEADER = [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0]
const COMMIT = 3
const PROPOSAL = 2

describe('a mebibyte of', () => {
  test.each<[string, Uint8Array]>([
    ['empty certificates', message(1, HEADER, [PROPOSAL, 0, 2, 0, 0, 0, 2], full([0]))],
    ['references to nothing', message(1, HEADER, [COMMIT], full([2, 0]))],
    ['proposals to leave', message(1, HEADER, [COMMIT], full([1, 0, 10]))],
    ['proposals without extensions', message(1, HEADER, [COMMIT], full([1, 0, 7, 0]))],
    ['secrets for nobody', message(3, [0, 1], full([0, 0, 0]), [0])],
    ['extensions', message(1, HEADER, [PROPOSAL, 0, 7], full([0, 1, 0]))],
  ])('%s is dealt with in a second and 64 MiB', (_name, bytes) => {
    const { elapsedMs, bytes: used } = cheapest(() => decodeMlsMessage(bytes))
    expect(elapsedMs).toBeLessThan(1000)
    expect(used).toBeLessThan(64 * MEBIBYTE)
  })

  test('blank nodes, with a leaf behind them, is a tree in 160 MiB', () => {
    const leaf = encodeWhole(fakeLeaf(), encodeLeafNode)
    const tree = new Writer().opaque(new Uint8Array([...new Uint8Array(MEBIBYTE), 1, 1, ...leaf])).finish()
    const cost = cheapest(() => decodeRatchetTreeBytes(suite, tree))
    expect(cost.code).toBe('read')
    expect(cost.elapsedMs).toBeLessThan(2000)
    expect(cost.bytes).toBeLessThan(160 * MEBIBYTE)
  })
})

describe('a length that is only claimed costs nothing', () => {
  const claims = [0xbf, 0xff, 0xff, 0xff]
  test.each<[string, () => unknown]>([
    ['of a string', () => new Reader(new Uint8Array(claims)).opaque()],
    ['of a vector', () => new Reader(new Uint8Array(claims)).vector((reader) => reader.uint8())],
    ['of a group id', () => decodeMlsMessage(message(1, claims))],
    ['of a group id, in a header', () => readMessageHeader(message(2, claims))],
    ['of a ciphertext', () => decodeDmlsMessage(message(2, [0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0], claims))],
    ['of a tree', () => decodeRatchetTreeBytes(suite, new Uint8Array(claims))],
  ])('%s', (_name, read) => {
    const { elapsedMs, bytes, code } = cheapest(read)
    expect(code).toBe('truncated')
    expect(elapsedMs).toBeLessThan(100)
    expect(bytes).toBeLessThan(MEBIBYTE)
  })

  test('of a secret tree for two thousand million members, and of a message that is far ahead in it', () => {
    const encoded = new Writer()
      .uint32(2 ** 31)
      .uint8(0)
      .fixed(new Uint8Array(suite.hashSize))
      .finish()
    const { elapsedMs, bytes, code } = cheapest(() => {
      const tree = SecretTree.decode(suite, new Reader(encoded))
      return tree.receiveKey(2 ** 31 - 1, 'application', 2 ** 32 - 1, { forwardMax: 1000, keptMax: 1000 })
    })
    expect(code).toBe('generation_too_far')
    expect(elapsedMs).toBeLessThan(200)
    expect(bytes).toBeLessThan(MEBIBYTE)
  })

  test('of the deepest puncturable tree, its whole path spelled out', () => {
    const writer = new Writer().uint16(512)
    for (let depth = 0; depth < 512; depth++) writer.uint8(2).uint8(0)
    const encoded = writer.uint8(1).fixed(new Uint8Array(suite.hashSize)).finish()
    const { elapsedMs, bytes, code } = cheapest(() => {
      const tree = PuncturableTree.decode(suite, new Reader(encoded))
      return tree.evaluate(new Uint8Array(64).fill(0xff))
    })
    expect(code).toBe('read')
    expect(elapsedMs).toBeLessThan(500)
    expect(bytes).toBeLessThan(8 * MEBIBYTE)
  })
})
