/**
 * The same, in groups that delete what they no longer need, with small caps among them: apart from the others, so that long
 * runs play them at once.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { playWithRetention } from './check-scenario.ts'
import { Tally } from './exercised.ts'
import { anyScenarioWithDeletion, seedOf, TIME_LIMIT_MS } from './scenarios.ts'

test(
  'a group that deletes what it no longer needs stays one group',
  async () => {
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(anyScenarioWithDeletion, async (scenario) => {
        const played = await playWithRetention(scenario)
        tally.add(played)
        expect(played.violations).toEqual([])
      }),
      { numRuns: 60, ...seedOf(1) },
    )
    // what was deleted cannot be judged any more; that is rare too
    expect(tally.beyondTheLimit / tally.cases).toBeLessThan(0.2)
    const about = ['merges', 'beyondHorizon', 'cannotFollow', 'rejoined', 'near the caps'] as const
    expect(tally.missing([...about, 'removed', 'crashes']), `${tally}`).toEqual([])
  },
  TIME_LIMIT_MS,
)
