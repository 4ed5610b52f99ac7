/** Puts names in place of identities in a history. */
import type { HistoryReport } from '../member/protocol.ts'
import type { EpochHistory } from './history.ts'

/** The history with every identity named; whoever has no name keeps the beginning of the identity. */
export function nameEveryone(report: HistoryReport, names: ReadonlyMap<string, string>): EpochHistory {
  const name = (identity: string): string => names.get(identity) ?? identity.slice(0, 8)
  return {
    ...report,
    epochs: report.epochs.map((record) => ({
      ...record,
      ...(record.committer === undefined ? {} : { committer: name(record.committer) }),
      added: record.added.map(name),
      removed: record.removed.map(name),
    })),
  }
}
