/**
 * The model-based property: whatever happens to a group, once the faults end and messages flow, its members agree, on
 * what the specification says, and every message was delivered once to those whom it was for.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { play } from './check-scenario.ts'
import { Tally } from './exercised.ts'
import { anyScenario, seedOf, TIME_LIMIT_MS } from './scenarios.ts'

test(
  'a group survives whatever happens to it',
  async () => {
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(anyScenario, async (scenario) => {
        const played = await play(scenario)
        tally.add(played)
        expect(played.violations).toEqual([])
      }),
      { numRuns: 100, ...seedOf(1) },
    )
    // where nobody who remains was there, nothing can be promised; such histories are few
    expect(tally.beyondTheLimit / tally.cases).toBeLessThan(0.2)
    const about = ['merges', 'forkOpened', 'removed', 'merged', 'unknownEpoch', 'cannotFollow', 'crashes'] as const
    expect(tally.missing(about), `${tally}`).toEqual([])
  },
  TIME_LIMIT_MS,
)
