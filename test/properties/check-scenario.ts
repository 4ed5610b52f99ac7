/** Plays a scenario in a world of its own and checks it against the specification. */
import { nodeProvider } from '@dmls/crypto/node'
import type { EpochFacts } from '@dmls/dmls'
import {
  checkAttempts,
  checkCaps,
  checkConsistentHeads,
  checkDeliveredIfHeld,
  checkHeadMembers,
  checkReaders,
  checkSharedHead,
  checkWorld,
  isBeyondTheLimit,
  lacksMerged,
  type MembershipOfHeads,
  playScenario,
  type Scenario,
  type Specification,
  speakUp,
  traceLine,
  UnionHistory,
  type Verdict,
  World,
} from '@dmls/sim'
import { unresolvedHeads } from '../spec/history.ts'
import { membership } from '../spec/membership.ts'
import { type Exercised, exercisedIn } from './exercised.ts'
import { Mallory } from './mallory.ts'
import { checkRights } from './rights.ts'

/** The members that follow from all that led to some heads. */
const membershipOf: MembershipOfHeads = ({ facts }, heads) =>
  new Set(membership({ epochs: facts, messages: [] }, heads).keys())

/** Membership as the independent specification has it. */
export const specification: Specification = ({ facts }) => {
  const history = { epochs: facts, messages: [] }
  return new Set(membership(history, unresolvedHeads(history)).keys())
}

export interface Played {
  /** What is wrong, and how it came to that; empty when all is well. */
  readonly violations: readonly string[]
  readonly beyondTheLimit: boolean
  readonly exercised: Exercised
}

/**
 * Without deletion, and once messages flow again: what everybody made or processed is what the specification is asked
 * about. The retention policy may delete an epoch before a late commit of it arrives, and then that commit never happened
 * for those who remain.
 */
export function play(scenario: Scenario): Promise<Played> {
  const world = new World({ seed: scenario.seed, provider: nodeProvider, timing: { retentionIntervalMs: 1e12 } })
  return playIn(world, async () => {
    await playScenario(world, scenario)
    await speakUp(world)
    const { violations, beyondTheLimit } = checkWorld(world, specification)
    return { violations: [...violations, ...checkRights(world, new UnionHistory(world))], beyondTheLimit }
  })
}

/** With deletion: the group stays one, nobody reads what is not for it, and epochs and bytes stay under the caps. */
export function playWithRetention(scenario: Scenario): Promise<Played> {
  const world = new World({ seed: scenario.seed, provider: nodeProvider })
  return playIn(world, async () => {
    await playScenario(world, scenario)
    return checkSettled(world, scenario, checkSharedHead)
  })
}

/**
 * With deletion, and disks that are set back to what they were. Until it hears of its other life, whoever uses such a disk
 * says what nobody can read, and if it had become another instance since, it asks to come back as one that nobody has any
 * more. Then it is told; nobody reads what is not for it, and the others stay one group.
 */
export function playWithRestorations(scenario: Scenario): Promise<Played> {
  const world = new World({ seed: scenario.seed, provider: nodeProvider })
  return playIn(world, async () => {
    await playScenario(world, scenario)
    await speakUp(world)
    const history = new UnionHistory(world)
    const beyondTheLimit = isBeyondTheLimit(world, history, specification(history))
    const agreement = beyondTheLimit ? [] : checkConsistentHeads(world)
    const violations = [
      ...checkAttempts(world),
      ...checkReaders(world, history),
      ...(await checkCaps(world)),
      ...agreement,
    ]
    return { violations, beyondTheLimit }
  })
}

/**
 * With deletion, and with a member who plays against the rules. It may part the others for good: a flood makes small caps
 * drop the epoch that somebody else is still to follow from. Then they are told.
 */
export function playWithInsider(scenario: Scenario): Promise<Played> {
  const world = new World({ seed: scenario.seed, provider: nodeProvider })
  return playIn(world, async () => {
    await playScenario(world, scenario, Mallory.join)
    return checkSettled(world, scenario)
  })
}

/**
 * Whether caps so small that they bind took what somebody needed. They delete what is needed to judge a fork, or to bring
 * somebody back, for lack of room: then being told is what is promised, and that nobody keeps more.
 */
function isPressed(world: World, { policy }: Scenario): boolean {
  return policy?.retention === 'small' && world.observations.events.some(({ event }) => TOLD.has(event.type))
}

const TOLD: ReadonlySet<string> = new Set(['beyondHorizon', 'cannotFollow'])

/**
 * The members of everybody's head follow from the history; or, where somebody who is no node lied about what it had seen,
 * from the history without its claims: whoever came after a fork cannot tell.
 */
function checkMembersAtHeads(world: World, history: UnionHistory): string[] {
  const people = new Set(world.nodes.map(({ identity }) => identity))
  const isStranger = ({ id, committer }: EpochFacts): boolean =>
    committer !== undefined && !people.has(history.roster(id).get(committer) ?? '')
  const withoutClaims: MembershipOfHeads = ({ facts }, heads) => {
    const epochs = facts.map((epoch) => (isStranger(epoch) ? { ...epoch, resolves: [] } : epoch))
    return new Set(membership({ epochs, messages: [] }, heads).keys())
  }
  const wrong = checkHeadMembers(world, history, membershipOf)
  if (wrong.length === 0 || !history.facts.some(isStranger)) return wrong
  const stillWrong = checkHeadMembers(world, history, withoutClaims).map((violation) => violation.split(' ')[0])
  return wrong.filter((violation) => stillWrong.includes(violation.split(' ')[0]))
}

async function checkSettled(
  world: World,
  scenario: Scenario,
  checkOne: (world: World) => string[] = () => [],
): Promise<Verdict> {
  await speakUp(world)
  const history = new UnionHistory(world)
  const beyondTheLimit = isBeyondTheLimit(world, history, specification(history))
  const pressed = isPressed(world, scenario)
  const isParted = world.nodes.some((node) => lacksMerged(node, history))
  return {
    violations: [
      ...checkAttempts(world),
      ...checkReaders(world, history),
      ...(await checkCaps(world)),
      ...checkRights(world, history),
      ...(pressed || isParted ? [] : checkMembersAtHeads(world, history)),
      ...(beyondTheLimit ? [] : checkConsistentHeads(world)),
      ...(beyondTheLimit || pressed ? [] : checkOne(world)),
      ...(beyondTheLimit ? [] : await checkDeliveredIfHeld(world, history)),
    ],
    beyondTheLimit,
  }
}

async function playIn(world: World, run: () => Promise<Verdict>): Promise<Played> {
  try {
    const { violations, beyondTheLimit } = await run()
    const told = violations.length === 0 ? [] : [...violations, ...story(world)]
    return { violations: told, beyondTheLimit, exercised: await exercisedIn(world) }
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { violations: [what, ...story(world)], beyondTheLimit: false, exercised: await exercisedIn(world) }
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
