/**
 * Reads the vectors of Project Wycheproof from the folder that WYCHEPROOF_VECTORS names, or from
 * ../shared/vectors/wycheproof beside the repository. They are no part of the repository; without them the tests that
 * need them are skipped.
 */

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FOLDER =
  process.env.WYCHEPROOF_VECTORS ?? fileURLToPath(new URL('../../../../shared/vectors/wycheproof', import.meta.url))

export const HAS_WYCHEPROOF: boolean = existsSync(FOLDER)

/** Added to the titles of tests that are skipped. */
export const WYCHEPROOF_REASON: string = HAS_WYCHEPROOF
  ? ''
  : ' (skipped: no Wycheproof vectors here; set WYCHEPROOF_VECTORS)'

export interface WycheproofCase {
  readonly tcId: number
  readonly comment: string
  readonly flags: readonly string[]
  readonly result: 'valid' | 'invalid' | 'acceptable'
}

/** Every case of a file together with the properties of its group, so that a case is one object. */
export function wycheproofCases<Case>(file: string): readonly (Case & WycheproofCase)[] {
  if (!HAS_WYCHEPROOF) return []
  const { testGroups } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as {
    readonly testGroups: readonly { readonly tests: readonly object[] }[]
  }
  return testGroups.flatMap(({ tests, ...group }) =>
    tests.map((test) => ({ ...group, ...test }) as Case & WycheproofCase),
  )
}

/** What a failing case is reported as. */
export function caseName({ tcId, result, comment, flags }: WycheproofCase): string {
  return `#${tcId} ${result}: ${comment} [${flags.join(', ')}]`
}
