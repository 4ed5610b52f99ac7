/**
 * Long runs (DMLS_LONG=1): every property gets at least 2 000 cases, whatever number its test names for the short run,
 * and a new seed, which fast-check prints with a counterexample. A setup file of vitest: the tests say nothing of it.
 */
import type * as FastCheck from 'fast-check'
import { vi } from 'vitest'

const CASES_MIN = 2000

if (process.env.DMLS_LONG === '1') {
  vi.doMock('fast-check', async (importOriginal) => {
    const original = await importOriginal<typeof FastCheck>()
    // what `test.prop` of @fast-check/vitest takes when a test names no number
    original.configureGlobal({ ...original.readConfigureGlobal(), numRuns: CASES_MIN })
    const assert = <T>(property: FastCheck.IRawProperty<T>, parameters: FastCheck.Parameters<T> = {}): unknown =>
      original.assert(property, { ...parameters, numRuns: Math.max(CASES_MIN, parameters.numRuns ?? 0) })
    return { ...original, assert, default: { ...original.default, assert } }
  })
}
