/** Plays a scenario in a world of its own and checks it against the specification. */
import { nodeProvider } from '@dmls/crypto/node'
import {
  checkAttempts,
  checkConsistentHead,
  checkReaders,
  checkWorld,
  isBeyondTheLimit,
  playScenario,
  type Scenario,
  type Specification,
  traceLine,
  UnionHistory,
  World,
} from '@dmls/sim'
import { unresolvedHeads } from '../spec/history.ts'
import { membership } from '../spec/membership.ts'

/** Membership as the independent specification has it. */
export const specification: Specification = ({ facts }) => {
  const history = { epochs: facts, messages: [] }
  return new Set(membership(history, unresolvedHeads(history)).keys())
}

/** Far below the cap of the policy: these histories are short. */
const SIZE_MAX_BYTES = 8 * 1024 * 1024

export interface Played {
  /** What is wrong, and how it came to that; empty when all is well. */
  readonly violations: readonly string[]
  readonly beyondTheLimit: boolean
}

/**
 * Without deletion: what everybody made or processed is what the specification is asked about. The retention policy may
 * delete an epoch before a late commit of it arrives, and then that commit never happened for those who remain.
 */
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

/** With deletion: the group stays one, nobody reads what is not for it, and epochs and bytes stay under the caps. */
export async function playWithRetention(scenario: Scenario): Promise<Played> {
  const world = new World({ seed: scenario.seed, provider: nodeProvider })
  try {
    await playScenario(world, scenario)
    const history = new UnionHistory(world)
    const beyondTheLimit = isBeyondTheLimit(world, history, specification(history))
    const sizes = world.nodes.filter(({ disk }) => disk.sizeBytes > SIZE_MAX_BYTES)
    const violations = [
      ...checkAttempts(world),
      ...checkReaders(world, history),
      ...(beyondTheLimit ? [] : checkConsistentHead(world)),
      ...sizes.map(({ name, disk }) => `${name} keeps ${disk.sizeBytes} bytes`),
    ]
    return { violations: violations.length === 0 ? [] : [...violations, ...story(world)], beyondTheLimit }
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
