/** Random scenarios for the simulator, that fast-check can shrink. */
import type { Deed, Operation, Scenario, ScenarioPolicy, Step } from '@dmls/sim'
import fc from 'fast-check'

/** What the insider does. */
const DEEDS: readonly Deed[] = [
  'equivocate',
  'equivocate',
  'lazy merge',
  'lazy merge',
  'ghost head',
  'lie',
  'go on',
  'remove',
  'flood',
]

const index = fc.nat(11)
const who = { who: index }

function weighted(weight: number, arbitrary: fc.Arbitrary<Operation>): fc.WeightedArbitrary<Operation> {
  return { weight, arbitrary }
}

const operation: fc.Arbitrary<Operation> = fc.oneof(
  weighted(8, fc.record({ kind: fc.constant('say' as const), ...who })),
  weighted(5, fc.record({ kind: fc.constant('update' as const), ...who })),
  weighted(4, fc.record({ kind: fc.constant('add' as const), ...who, whom: index })),
  weighted(2, fc.record({ kind: fc.constant('remove' as const), ...who, whom: index })),
  weighted(1, fc.record({ kind: fc.constant('leave' as const), ...who })),
  weighted(
    3,
    fc.record({
      kind: fc.constant('partition' as const),
      islands: fc.array(fc.nat(2), { minLength: 2, maxLength: 12 }),
    }),
  ),
  weighted(2, fc.constant<Operation>({ kind: 'join' })),
  weighted(
    1,
    fc.record({ kind: fc.constant('weather' as const), weather: fc.constantFrom('good' as const, 'bad' as const) }),
  ),
  weighted(1, fc.record({ kind: fc.constant('crash' as const), ...who })),
  weighted(
    1,
    fc.record({
      kind: fc.constant('crashAtWrite' as const),
      ...who,
      write: fc.integer({ min: 1, max: 4 }),
      what: fc.constantFrom('before' as const, 'after' as const),
    }),
  ),
  weighted(2, fc.record({ kind: fc.constant('restart' as const), ...who })),
  weighted(
    3,
    fc.record({
      kind: fc.constant('malice' as const),
      ...who,
      message: fc.nat(500),
      how: fc.constantFrom('replay' as const, 'flip' as const, 'rename' as const),
      at: fc.nat(20_000),
    }),
  ),
)

/** Disks that are copied and put back. */
const restoration: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({ kind: fc.constant('backup' as const), ...who }),
  fc.record({ kind: fc.constant('restore' as const), ...who }),
)

const insider: fc.Arbitrary<Operation> = fc.record({
  kind: fc.constant('insider' as const),
  deed: fc.constantFrom(...DEEDS),
  ...who,
  whom: index,
})

const stepOf = (anyOperation: fc.Arbitrary<Operation>): fc.Arbitrary<Step> =>
  fc.record({
    operation: anyOperation,
    thenMs: fc.oneof(
      { weight: 3, arbitrary: fc.integer({ min: 0, max: 30 }) },
      { weight: 3, arbitrary: fc.integer({ min: 30, max: 400 }) },
      { weight: 1, arbitrary: fc.integer({ min: 400, max: 20_000 }) },
    ),
  })

/** What a group may agree on. Caps and short ages only where deletion is played. */
function policyArbitrary(deletion: 'none' | 'any'): fc.Arbitrary<ScenarioPolicy> {
  return fc.record({
    forkChoice: fc.constantFrom('support', 'draft', 'depth-witness', 'designated'),
    admin: fc.constantFrom('anyone', 'anyone', 'named', 'inviting'),
    retention: deletion === 'none' ? fc.constant('default') : fc.constantFrom('default', 'brief', 'small', 'small'),
  })
}

interface Sizes {
  readonly nodesMax: number
  readonly stepsMax: number
}

function scenarioArbitrary(
  options: Sizes,
  policy: fc.Arbitrary<ScenarioPolicy>,
  step: fc.Arbitrary<Step>,
): fc.Arbitrary<Scenario> {
  return fc
    .record({
      seed: fc.nat(),
      nodes: fc.integer({ min: 3, max: options.nodesMax }),
      founders: fc.integer({ min: 1, max: options.nodesMax }),
      clocks: fc.constantFrom('right' as const, 'wrong' as const),
      policy,
      steps: fc.array(step, { minLength: 1, maxLength: options.stepsMax, size: 'max' }),
    })
    .map((scenario) => ({ ...scenario, founders: Math.min(scenario.founders, scenario.nodes) }))
}

const isLong = process.env.DMLS_LONG === '1'

/** Larger groups and longer histories in long runs. */
const SIZES: Sizes = { nodesMax: isLong ? 12 : 7, stepsMax: isLong ? 50 : 30 }

/** For groups that keep everything. */
export const anyScenario: fc.Arbitrary<Scenario> = scenarioArbitrary(SIZES, policyArbitrary('none'), stepOf(operation))

/** For groups that delete what their policy lets them. */
export const anyScenarioWithDeletion: fc.Arbitrary<Scenario> = scenarioArbitrary(
  SIZES,
  policyArbitrary('any'),
  stepOf(operation),
)

/** The same, and disks are put back to what they were. */
export const anyScenarioWithRestorations: fc.Arbitrary<Scenario> = scenarioArbitrary(
  SIZES,
  policyArbitrary('any'),
  stepOf(fc.oneof({ weight: 32, arbitrary: operation }, { weight: 2, arbitrary: restoration })),
)

/** With somebody in the group who plays against its rules. */
export const anyScenarioWithInsider: fc.Arbitrary<Scenario> = scenarioArbitrary(
  SIZES,
  policyArbitrary('any'),
  stepOf(fc.oneof({ weight: 8, arbitrary: operation }, { weight: 2, arbitrary: insider })),
)

/** The short run plays the same histories every time; the long one plays new ones, and prints its seed when it fails. */
export function seedOf(seed: number): { readonly seed?: number } {
  return isLong ? {} : { seed }
}

/** For one of these properties: minutes on a busy machine, and far more of them in long runs. */
export const TIME_LIMIT_MS = isLong ? 3_600_000 : 300_000
