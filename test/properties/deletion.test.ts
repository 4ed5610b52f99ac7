/** The same, in groups that delete what they no longer need: apart from the other, so that long runs play both at once. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { playWithRetention } from './check-scenario.ts'
import { anyScenario, seedOf, TIME_LIMIT_MS } from './scenarios.ts'

test(
  'a group that deletes what it no longer needs stays one group',
  async () => {
    let beyondTheLimit = 0
    let cases = 0
    await fc.assert(
      fc.asyncProperty(anyScenario, async (scenario) => {
        const played = await playWithRetention(scenario)
        cases++
        if (played.beyondTheLimit) beyondTheLimit++
        expect(played.violations).toEqual([])
      }),
      { numRuns: 50, ...seedOf(1) },
    )
    // what was deleted cannot be judged any more; that is rare too
    expect(beyondTheLimit / cases).toBeLessThan(0.2)
  },
  TIME_LIMIT_MS,
)
