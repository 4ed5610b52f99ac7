/** Plays a scenario in a world of its own and checks it against the specification. */
import { nodeProvider } from '@dmls/crypto/node'
import { checkWorld, playScenario, type Scenario, type Specification, traceLine, World } from '@dmls/sim'
import { unresolvedHeads } from '../spec/history.ts'
import { membership } from '../spec/membership.ts'

/** Membership as the independent specification has it. */
export const specification: Specification = ({ facts }) => {
  const history = { epochs: facts, messages: [] }
  return new Set(membership(history, unresolvedHeads(history)).keys())
}

export interface Played {
  /** What is wrong, and how it came to that; empty when all is well. */
  readonly violations: readonly string[]
  readonly beyondTheLimit: boolean
}

export async function play(scenario: Scenario): Promise<Played> {
  const world = new World({ seed: scenario.seed, provider: nodeProvider, timing: { retentionIntervalMs: 1e12 } })
  try {
    await playScenario(world, scenario)
    const { violations, beyondTheLimit } = checkWorld(world, specification)
    if (violations.length === 0) return { violations, beyondTheLimit }
    return { violations: [...violations, ...story(world)], beyondTheLimit }
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { violations: [what, ...story(world)], beyondTheLimit: false }
  } finally {
    world.close()
  }
}

/** The end of what happened, without the noise. */
function story(world: World): string[] {
  const noise = new Set(['wrote', 'ignore', 'accept'])
  const told = world.trace.last().filter(({ what }) => !noise.has(what))
  return [`seed ${world.seed}`, ...told.slice(-120).map(traceLine)]
}
