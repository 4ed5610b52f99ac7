/**
 * The order in which epochs are listed: newest first, every epoch before its parent and before the heads it resolves,
 * and each branch in one piece. The same history gives the same order, whatever order its records come in.
 */
import type { EpochHistory, EpochRecord } from './history.ts'

/** The records, newest first; the chosen head is the first of all. Edges to epochs that are not there are ignored. */
export function newestFirst(history: EpochHistory): readonly EpochRecord[] {
  const records = new Map(history.epochs.map((record) => [record.id, record]))
  const waitingFor = new Map<string, number>()
  for (const record of records.values()) {
    for (const id of predecessors(record)) waitingFor.set(id, (waitingFor.get(id) ?? 0) + 1)
  }

  // A stack: the last one pushed is the next one listed, so a branch is followed to its end before the next one.
  const ready = [...records.values()]
    .filter(({ id }) => !waitingFor.has(id))
    .sort((a, b) => compareHeads(history.head, a, b))
    .reverse()
  const listed: EpochRecord[] = []
  for (let record = ready.pop(); record !== undefined; record = ready.pop()) {
    listed.push(record)
    for (const id of predecessors(record)) {
      const left = (waitingFor.get(id) ?? 0) - 1
      waitingFor.set(id, left)
      const predecessor = records.get(id)
      if (left === 0 && predecessor !== undefined) ready.push(predecessor)
    }
  }
  return listed
}

/** The parent, then the resolved heads; each once. */
export function predecessors(record: EpochRecord): readonly string[] {
  return [...new Set([...(record.parent === undefined ? [] : [record.parent]), ...record.resolves])]
}

/** The newest records only, for histories too long to look at as a whole. */
export function latest(history: EpochHistory, count: number): EpochHistory {
  return { ...history, epochs: newestFirst(history).slice(0, count) }
}

function compareHeads(chosen: string, a: EpochRecord, b: EpochRecord): number {
  if (a.id === chosen) return -1
  if (b.id === chosen) return 1
  return b.epoch - a.epoch || (a.id < b.id ? -1 : 1)
}
