/**
 * The long partition: a group is cut into halves, both go on, and the cut ends. Counts what it takes until everybody is
 * on one head again.
 */
import type { CryptoProvider } from '@dmls/crypto'
import { checkWorld, type Specification } from './checkers.ts'
import { nodeName } from './operations.ts'
import type { SimNode } from './sim-node.ts'
import { UnionHistory } from './union-history.ts'
import { World } from './world.ts'

export interface LongPartitionOptions {
  readonly seed: number
  readonly provider: CryptoProvider
  readonly members: number
  /** Commits on each side, by members of it drawn at random. */
  readonly commitsPerSide: number
  /** How many of them remove somebody of the own side; the others are updates. */
  readonly removalsPerSide: number
  readonly specification: Specification
  /** Called now and then, with what has been reached. */
  readonly progress?: (line: string) => void
}

export interface HealingReport {
  readonly violations: readonly string[]
  /** Epochs of both sides when the cut ended. */
  readonly epochsApart: number
  /** Heads without a child that nobody resolved, when the cut ended. */
  readonly headsApart: number
  /** Commits made from then on until it was quiet, and how many of them resolve heads. */
  readonly commits: number
  readonly merges: number
  /** Commits until, for the first time, everybody who remains was on one head. */
  readonly commitsToOneHead: number
  /** Virtual time until then. */
  readonly healedMs: number
  readonly membersAfter: number
  readonly fingerprint: string
}

/** Plays it. Deterministic: the same options give the same report. */
export async function playLongPartition(options: LongPartitionOptions): Promise<HealingReport> {
  const { seed, provider, members, commitsPerSide, progress = () => undefined } = options
  // sequential commits: nobody heals or merges while the sides go on
  const world = new World({ seed, provider, syncIntervalMs: 10_000, contactsMax: 6 })
  const nodes: SimNode[] = []
  for (let i = 0; i < members; i++) nodes.push(await world.add(nodeName(i)))
  const [creator, ...others] = nodes as [SimNode, ...SimNode[]]
  await world.createGroup(creator, others)
  progress(`${members} members are in one epoch`)

  const sides = [nodes.slice(0, members >> 1), nodes.slice(members >> 1)]
  world.network.partition(sides.map((side) => side.map(({ name }) => name)))
  for (let turn = 0; turn < commitsPerSide; turn++) {
    for (const side of sides) await commitOn(world, side, turn < options.removalsPerSide)
    // everybody of the side has it before the next one commits
    await world.runFor(200)
    const done = turn + 1
    if (done % 10 === 0 || done === commitsPerSide) progress(`${done} of ${commitsPerSide} commits on each side`)
  }
  const before = new UnionHistory(world)

  const startMs = world.queue.nowMs
  await world.heal()
  progress('the cut ends')
  const healed = await runUntilOneHead(world)
  const atOnce = new UnionHistory(world).facts.length - before.facts.length
  progress(
    healed === undefined ? 'an hour, and not on one head' : `one head after ${atOnce} commits; until it is quiet`,
  )
  await world.runUntilQuiet({ limitMs: 24 * 3_600_000 })
  const after = new UnionHistory(world)
  const made = after.facts.slice()
  const known = new Set(before.facts.map(({ id }) => id))
  const fresh = made.filter(({ id }) => !known.has(id))
  const { violations } = checkWorld(world, options.specification)
  const report: HealingReport = {
    violations: healed ? violations : ['never on one head', ...violations],
    epochsApart: before.facts.length,
    headsApart: before.heads.length,
    commits: fresh.length,
    merges: fresh.filter(({ resolves }) => resolves.length > 0).length,
    commitsToOneHead: atOnce,
    healedMs: healed === undefined ? Number.NaN : healed - startMs,
    membersAfter: options.specification(after).size,
    fingerprint: world.fingerprint,
  }
  world.close()
  return report
}

async function commitOn(world: World, side: readonly SimNode[], removes: boolean): Promise<void> {
  const present = side.filter((node) => node.group?.isMember === true)
  const who = world.random.pick(present)
  const group = who.requireGroup()
  if (!removes) {
    await world.finish(who.attempt('update', () => group.update()))
    return
  }
  const names = new Set(present.filter((node) => node !== who).map(({ identity }) => identity))
  const whom = world.random.pick(
    group.members().filter(({ identity }) => names.has(Buffer.from(identity).toString('hex'))),
  )
  await world.finish(who.attempt('remove', () => group.remove([whom.instance])))
}

/** When everybody who is a member by its own word is on one head; undefined if that takes more than an hour. */
async function runUntilOneHead(world: World): Promise<number | undefined> {
  const limitMs = world.queue.nowMs + 3_600_000
  while (world.queue.nowMs < limitMs) {
    const present = world.nodes.filter((node) => node.group?.isMember === true)
    const heads = new Set(present.map((node) => node.group?.head))
    const isOpen = present.some((node) => (node.group?.openHeads().length ?? 0) > 1)
    if (heads.size === 1 && !isOpen) return world.queue.nowMs
    await world.runFor(50)
  }
  return undefined
}
