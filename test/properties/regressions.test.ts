/** Every history that once broke a group, played again. */
import { describe, expect, test } from 'vitest'
import { play, playWithRetention } from './check-scenario.ts'
import { LOST_STATE_REGRESSIONS } from './lost-state-regressions.ts'
import { REGRESSIONS } from './regressions.ts'
import { RETURNING_REGRESSIONS } from './returning-regressions.ts'

describe('what broke a group once', () => {
  test.for([...REGRESSIONS, ...RETURNING_REGRESSIONS, ...LOST_STATE_REGRESSIONS])(
    '$name',
    async ({ scenario, deletes }) => {
      const { violations, beyondTheLimit } = await (deletes ? playWithRetention(scenario) : play(scenario))
      expect(violations).toEqual([])
      expect(beyondTheLimit).toBe(false)
    },
  )
})
