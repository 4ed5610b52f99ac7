/**
 * Long runs (DMLS_LONG=1): every property gets at least 2 000 cases, whatever number its test names for the short run,
 * and a new seed. One that fails tells of it at once and shrinks for a limited time (tell-soon.ts). A setup file of
 * vitest: the tests say nothing of it, and use `fc.assert` of fast-check. It does not reach @fast-check/vitest, which
 * is no source of ours and has its own fast-check.
 */
import type * as FastCheck from 'fast-check'
import { vi } from 'vitest'
import { tellSoon } from './tell-soon.ts'

const CASES_MIN = 2000
const SHRINK_MS = 120_000

function lengthen<T>(parameters: FastCheck.Parameters<T> = {}): FastCheck.Parameters<T> {
  const { seed = (Date.now() ^ (Math.random() * 2 ** 32)) | 0, numRuns = 0, plugins = [] } = parameters
  const tell = (text: string): unknown => process.stderr.write(`${text}\n`)
  return {
    ...parameters,
    seed,
    numRuns: Math.max(CASES_MIN, numRuns),
    plugins: [...plugins, tellSoon<T>({ seed, tell, shrinkMs: SHRINK_MS })],
  }
}

function longAssert(original: typeof FastCheck): typeof FastCheck.assert {
  const assert = <T>(property: FastCheck.IRawProperty<T>, parameters?: FastCheck.Parameters<T>): unknown =>
    original.assert(property, lengthen(parameters))
  return assert as typeof FastCheck.assert
}

if (process.env.DMLS_LONG === '1') {
  vi.doMock('fast-check', async (importOriginal) => {
    const original = await importOriginal<typeof FastCheck>()
    const assert = longAssert(original)
    return { ...original, assert, default: { ...original.default, assert } }
  })
}
