/**
 * The same with mallory among the members, who plays against the rules: those who do not are never parted without being
 * told, and have the members that the rules give them.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { playWithInsider } from './check-scenario.ts'
import { Tally } from './exercised.ts'
import { anyScenarioWithInsider, seedOf, TIME_LIMIT_MS } from './scenarios.ts'

test(
  'a group survives a member who plays against its rules',
  async () => {
    const tally = new Tally()
    await fc.assert(
      fc.asyncProperty(anyScenarioWithInsider, async (scenario) => {
        const played = await playWithInsider(scenario)
        tally.add(played)
        expect(played.violations).toEqual([])
      }),
      { numRuns: 40, ...seedOf(1) },
    )
    // a flood takes what is needed to judge from groups with small caps
    expect(tally.beyondTheLimit / tally.cases).toBeLessThan(0.4)
    const about = ['equivocation', 'merges', 'beyondHorizon', 'cannotFollow', 'rejoined', 'near the caps'] as const
    const refused = [
      'refused: bad_fork_point',
      'refused: not_allowed',
      'refused: plan_unsatisfied',
      'refused: sender_removed',
    ] as const
    expect(tally.missing([...about, ...refused, 'removed', 'crashes']), `${tally}`).toEqual([])
  },
  TIME_LIMIT_MS,
)
