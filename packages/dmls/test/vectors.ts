/** Finds the published test vectors; a test whose file is absent is skipped, saying so. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, test } from 'vitest'

const REPOSITORY = join(dirname(fileURLToPath(import.meta.url)), '../../..')

/**
 * One test over all entries of a file; their type is the caller's claim about it. `pnpm conformance` finds it by what
 * stands before its title.
 */
export function vectorTest<T>(
  set: 'mls' | 'dmls',
  name: string,
  title: string,
  check: (vectors: readonly T[]) => void | Promise<void>,
): void {
  const folder = process.env[`${set.toUpperCase()}_VECTORS`] ?? join(REPOSITORY, '../shared/vectors', set)
  const file = join(folder, `${name}.json`)
  describe(`vectors of ${set}/${name}`, () => {
    if (existsSync(file)) test(title, () => check(JSON.parse(readFileSync(file, 'utf8')) as T[]))
    else test.skip(`${title} (skipped: no ${set}/${name}.json)`, () => undefined)
  })
}
