/**
 * Splits a history into branches to colour: the chosen one is the line of parents behind the head, and every other
 * line of parents is a branch of its own until it meets one that has been named before.
 */
import type { EpochHistory } from './history.ts'
import { newestFirst } from './order.ts'

/** The branch of each epoch: 0 is the chosen one, the others are numbered in the order of the listing. */
export function branchesOf(history: EpochHistory): ReadonlyMap<string, number> {
  const ordered = newestFirst(history)
  const records = new Map(ordered.map((record) => [record.id, record]))
  const branches = new Map<string, number>()
  let count = 0
  for (const { id } of ordered) {
    if (branches.has(id)) continue
    let record = records.get(id)
    while (record !== undefined && !branches.has(record.id)) {
      branches.set(record.id, count)
      record = record.parent === undefined ? undefined : records.get(record.parent)
    }
    count++
  }
  return branches
}
