/** A history that once went wrong, as fast-check shrank it. Its name says what must hold now. */
import type { Operation, Scenario } from '@dmls/sim'

export interface Regression {
  readonly name: string
  readonly scenario: Scenario
  /** Whether the group deletes what it no longer needs. */
  readonly deletes?: true
}

export function scenario(
  world: Pick<Scenario, 'seed' | 'nodes' | 'founders' | 'clocks' | 'policy'>,
  ...steps: readonly (readonly [thenMs: number, operation: Operation])[]
): Scenario {
  return { ...world, steps: steps.map(([thenMs, operation]) => ({ operation, thenMs })) }
}
