/**
 * The model-based property: whatever happens to a group, once the faults end and messages flow, its members agree, on
 * what the specification says, and every message was delivered once to those whom it was for.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { play, playWithRetention } from './check-scenario.ts'
import { scenarioArbitrary } from './scenarios.ts'

const isLong = process.env.DMLS_LONG === '1'

/** The short run plays the same histories every time; the long one plays new ones, and prints its seed when it fails. */
function runs(short: number): { readonly numRuns: number; readonly seed?: number } {
  return isLong ? { numRuns: 2000 } : { numRuns: short, seed: 1 }
}

test('a group survives whatever happens to it', async () => {
  let beyondTheLimit = 0
  let cases = 0
  await fc.assert(
    fc.asyncProperty(scenarioArbitrary({ nodesMax: isLong ? 12 : 7, stepsMax: isLong ? 50 : 30 }), async (scenario) => {
      const played = await play(scenario)
      cases++
      if (played.beyondTheLimit) beyondTheLimit++
      expect(played.violations).toEqual([])
    }),
    runs(120),
  )
  // where nobody who remains was there, nothing can be promised; such histories are few
  expect(beyondTheLimit / cases).toBeLessThan(0.2)
})

test('a group that deletes what it no longer needs stays one group', async () => {
  await fc.assert(
    fc.asyncProperty(scenarioArbitrary({ nodesMax: isLong ? 12 : 7, stepsMax: isLong ? 50 : 30 }), async (scenario) => {
      expect(await playWithRetention(scenario)).toEqual([])
    }),
    runs(60),
  )
})
