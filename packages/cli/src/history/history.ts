/**
 * A group's epochs as plain data with names in place of key hashes: what the pictures are drawn from, and what
 * `--json` prints. Public facts only. Reads nothing and draws nothing itself.
 */

/** One epoch, as the commit that made it tells it. */
export interface EpochRecord {
  /** Hex of the dmls_epoch. */
  readonly id: string
  /** Absent at a root: the creation of the group, or the Welcome through which the owner of the store came. */
  readonly parent?: string
  /** The epoch's number. */
  readonly epoch: number
  /** Name of the committer; absent at a root. */
  readonly committer?: string
  /** The heads of other branches that this commit resolves. */
  readonly resolves: readonly string[]
  /** Names of who came and who went with this commit. */
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly settingsChanged: boolean
}

export interface EpochHistory {
  readonly epochs: readonly EpochRecord[]
  /** The epoch that the fork choice names. */
  readonly head: string
  /** Heads that no commit has resolved yet. */
  readonly openHeads: readonly string[]
}

/** How many hex digits of a dmls_epoch are shown to people. */
const SHORT_ID_LENGTH = 8

/** The beginning of an epoch's name: enough to tell the epochs of one group apart. */
export function shortId(id: string): string {
  return id.slice(0, SHORT_ID_LENGTH)
}

/** What a commit did, in a few words: `+grace −frank`, `new keys`, `merges 1f0c22ab: +grace`. */
export function describeChanges(record: EpochRecord): string {
  if (record.parent === undefined) return record.epoch === 0 ? 'founds the group' : 'welcomed here'
  const changes = [
    ...record.added.map((name) => `+${name}`),
    ...record.removed.map((name) => `−${name}`),
    ...(record.settingsChanged ? ['new settings'] : []),
  ].join(' ')
  if (record.resolves.length === 0) return changes === '' ? 'new keys' : changes
  const merges = `merges ${record.resolves.map(shortId).join(', ')}`
  return changes === '' ? merges : `${merges}: ${changes}`
}
