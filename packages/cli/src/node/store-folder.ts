/** Where a member keeps what: `DIR/store` for the client's store, `DIR/journal.ndjson` for what it heard. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The client's store in a member's folder; the folder itself if it is such a store. */
export function storeFolderIn(folder: string): string {
  return existsSync(join(folder, 'tree')) ? folder : join(folder, 'store')
}
