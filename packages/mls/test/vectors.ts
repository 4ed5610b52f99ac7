/** Finds the working group's test vectors; a test whose file is absent is skipped, saying so. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type CipherSuite, type CryptoProvider, fromHex } from '@dmls/crypto'
import { describe, test } from 'vitest'

type VectorSet = 'mls' | 'dmls' | 'wycheproof'

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../../..')

function vectorFile(set: VectorSet, name: string): string {
  const folder = process.env[`${set.toUpperCase()}_VECTORS`] ?? join(REPOSITORY, '../shared/vectors', set)
  return join(folder, `${name}.json`)
}

/** The entries of a vector file, or undefined if it is not here. The type is the caller's claim about the file. */
export function loadVectors<T>(set: VectorSet, name: string): readonly T[] | undefined {
  const file = vectorFile(set, name)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as T[]) : undefined
}

/** With DMLS_LONG=1 every provider works through every entry: `pnpm conformance`. */
const isLong = process.env.DMLS_LONG === '1'

/** An entry of a vector file, with the suite that it is for. */
export interface ClaimedVector<T> {
  readonly suite: CipherSuite
  readonly vector: T
}

/**
 * The entries of the suites that a provider claims, each of which there must be. The native provider takes all; the
 * others, which are slower, take the first `few` of each suite unless there is time.
 */
export function claimedBy<T extends { readonly cipher_suite: number }>(
  provider: CryptoProvider,
  vectors: readonly T[],
  few: number = Number.POSITIVE_INFINITY,
): readonly ClaimedVector<T>[] {
  const taken = new Map<number, number>()
  const entriesMax = isLong || provider.name === 'node' ? Number.POSITIVE_INFINITY : few
  const claimed: ClaimedVector<T>[] = []
  for (const vector of vectors) {
    const { cipher_suite: id } = vector
    if (!provider.cipherSuites.some((suite) => suite === id)) continue
    const count = (taken.get(id) ?? 0) + 1
    taken.set(id, count)
    if (count <= entriesMax) claimed.push({ suite: provider.cipherSuite(id), vector })
  }
  for (const id of provider.cipherSuites) if (!taken.has(id)) throw new Error(`no vector is for suite ${id}`)
  return claimed
}

/** One test over all entries of a file; `pnpm conformance` finds it by what stands before its title. */
export function vectorTest<T>(
  set: VectorSet,
  name: string,
  title: string,
  check: (vectors: readonly T[]) => void | Promise<void>,
): void {
  const vectors = loadVectors<T>(set, name)
  describe(`vectors of ${set}/${name}`, () => {
    if (vectors === undefined) test.skip(`${title} (skipped: no ${set}/${name}.json)`, () => undefined)
    else test(title, () => check(vectors))
  })
}

export const hex: (text: string) => Uint8Array = fromHex

/** P-521: the one suite whose private keys some entries write without their leading zero bytes. */
const P521_SUITE = 5
const P521_KEY_SIZE = 66

/** A signature private key of a vector file, in the size of RFC 9420 §5.1.2. */
export function signaturePrivateKey(cipherSuite: number, text: string): Uint8Array {
  return fromHex(cipherSuite === P521_SUITE ? text.padStart(2 * P521_KEY_SIZE, '0') : text)
}
