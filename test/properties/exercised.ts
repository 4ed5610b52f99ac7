/** What happened in random scenarios: a property that meets nothing of what it is about shows nothing. */
import type { GroupEvent } from '@dmls/client'
import { heldOnDisk, UnionHistory, type World } from '@dmls/sim'

/** How often; of events, how many a node was told. */
export type Exercised = Readonly<Partial<Record<What, number>>>

export type What =
  | Exclude<GroupEvent['type'], 'refused'>
  | `refused: ${string}`
  | 'merges'
  | 'crashes'
  | 'restorations'
  /** Disks that hold more than three quarters of the epochs, or of the bytes, that the group allows. */
  | 'near the caps'

export async function exercisedIn(world: World): Promise<Exercised> {
  const found: Partial<Record<What, number>> = {}
  const count = (what: What, times = 1): void => {
    found[what] = (found[what] ?? 0) + times
  }
  for (const { event } of world.observations.events) {
    count(event.type === 'refused' ? `refused: ${event.code}` : event.type)
  }
  count('merges', new UnionHistory(world).facts.filter(({ resolves }) => resolves.length > 0).length)
  count(
    'crashes',
    world.nodes.reduce((sum, { lives }) => sum + lives - 1, 0),
  )
  count(
    'restorations',
    world.nodes.reduce((sum, { restorations }) => sum + restorations, 0),
  )
  for (const node of world.nodes) {
    if (node.group === undefined) continue
    const { epochsMax, sizeMaxBytes } = node.group.policy().retention
    const { epochs, headBytes, otherBytes } = await heldOnDisk(node)
    if (epochs > 0.75 * epochsMax || headBytes + otherBytes > 0.75 * sizeMaxBytes) count('near the caps')
  }
  return found
}

/** All that some scenarios exercised. */
export class Tally {
  readonly #found = new Map<What, number>()
  cases = 0
  beyondTheLimit = 0

  add({ exercised, beyondTheLimit }: { readonly exercised: Exercised; readonly beyondTheLimit: boolean }): void {
    this.cases++
    if (beyondTheLimit) this.beyondTheLimit++
    for (const [what, times] of Object.entries(exercised) as [What, number][]) {
      this.#found.set(what, (this.#found.get(what) ?? 0) + times)
    }
  }

  /** Of these, the ones that never happened. */
  missing(all: readonly What[]): readonly What[] {
    return all.filter((what) => (this.#found.get(what) ?? 0) === 0)
  }

  toString(): string {
    const counts = [...this.#found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([what, times]) => `${what} ${times}`)
    return `${this.cases} cases, ${this.beyondTheLimit} beyond the limit: ${counts.join(', ')}`
  }
}
