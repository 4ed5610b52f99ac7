/** The same, with members whose disks are set back to what they were: they find out, say nothing more, and come back. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { playWithRestorations } from './check-scenario.ts'
import { Tally } from './exercised.ts'
import { anyScenarioWithRestorations, seedOf, TIME_LIMIT_MS } from './scenarios.ts'

test(
  'a group survives members who restore old backups',
  async () => {
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(anyScenarioWithRestorations, async (scenario) => {
        const played = await playWithRestorations(scenario)
        tally.add(played)
        expect(played.violations).toEqual([])
      }),
      { numRuns: 50, ...seedOf(1) },
    )
    expect(tally.beyondTheLimit / tally.cases).toBeLessThan(0.2)
    const about = ['stateLost', 'rejoined', 'restorations', 'crashes', 'merges'] as const
    expect(tally.missing(about), `${tally}`).toEqual([])
  },
  TIME_LIMIT_MS,
)
