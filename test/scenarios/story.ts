/** Stories with several people: a group of them, and messages that reach some of them. */
import type { CommitMade, CommitRequest, DmlsEpoch, GroupPolicy } from '@dmls/dmls'
import type { Extension } from '@dmls/mls'
import { Actor } from './actor.ts'

export async function actors(names: readonly string[], seed: number | string = 1): Promise<Actor[]> {
  return Promise.all(names.map((name) => Actor.create(name, seed)))
}

/** A group of these people, made by the first, who added all the others in one commit. */
export async function groupOf(
  people: readonly Actor[],
  policy: Partial<GroupPolicy> = {},
  extensions: readonly Extension[] = [],
): Promise<void> {
  const [creator, ...others] = people as [Actor, ...Actor[]]
  await creator.create(policy, extensions)
  if (others.length === 0) return
  const made = await creator.commit({ add: await Promise.all(others.map((person) => person.keyPackage())) })
  for (const other of others) await other.welcome(welcomeOf(made))
}

export function welcomeOf(made: CommitMade): Uint8Array {
  if (made.welcome === undefined) throw new Error('nobody was added')
  return made.welcome.message
}

/** One commits, the others receive it, and whoever is invited follows. */
export async function commitTo(
  by: Actor,
  request: CommitRequest,
  receivers: readonly Actor[],
  invited: readonly Actor[] = [],
): Promise<CommitMade> {
  const made = await by.commit(request)
  for (const receiver of receivers) if (receiver !== by) await receiver.receive(made.wire, ...made.handovers)
  for (const person of invited) await person.welcome(welcomeOf(made))
  return made
}

/** The one head of these people. @throws Error when they disagree or a fork is open */
export function agreedHead(people: readonly Actor[]): DmlsEpoch {
  const heads = new Set(people.map((person) => person.head))
  if (heads.size !== 1)
    throw new Error(`heads differ: ${people.map((p) => `${p.name} ${p.head.slice(0, 8)}`).join(', ')}`)
  return people[0]?.head as DmlsEpoch
}

/** All orders of a list. */
export function* permutations<T>(list: readonly T[]): Generator<T[], void, undefined> {
  if (list.length < 2) {
    yield [...list]
    return
  }
  for (const [i, first] of list.entries()) {
    for (const rest of permutations([...list.slice(0, i), ...list.slice(i + 1)])) yield [first, ...rest]
  }
}
