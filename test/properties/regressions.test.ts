/** Every history that once broke a group, played again. */
import { describe, expect, test } from 'vitest'
import { play } from './check-scenario.ts'
import { REGRESSIONS } from './regressions.ts'

describe('what broke a group once', () => {
  test.for(REGRESSIONS)('$name', async ({ scenario }) => {
    const { violations, beyondTheLimit } = await play(scenario)
    expect(violations).toEqual([])
    expect(beyondTheLimit).toBe(false)
  })
})
