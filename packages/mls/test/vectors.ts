/** Finds the working group's test vectors; a test whose file is absent is skipped, saying so. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fromHex } from '@dmls/crypto'
import { test } from 'vitest'

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

/** One test over all entries of a file. */
export function vectorTest<T>(
  set: VectorSet,
  name: string,
  title: string,
  check: (vectors: readonly T[]) => void | Promise<void>,
): void {
  const vectors = loadVectors<T>(set, name)
  if (vectors === undefined) test.skip(`${title} (skipped: no ${set}/${name}.json)`, () => undefined)
  else test(title, () => check(vectors))
}

export const hex: (text: string) => Uint8Array = fromHex

/** P-521: the one suite whose private keys some entries write without their leading zero bytes. */
const P521_SUITE = 5
const P521_KEY_SIZE = 66

/** A signature private key of a vector file, in the size of RFC 9420 §5.1.2. */
export function signaturePrivateKey(cipherSuite: number, text: string): Uint8Array {
  return fromHex(cipherSuite === P521_SUITE ? text.padStart(2 * P521_KEY_SIZE, '0') : text)
}
