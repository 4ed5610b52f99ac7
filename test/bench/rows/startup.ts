/** Starting in a process of its own: loading the client package, opening a store on the disk, opening the client on it. */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type LevelStore, openLevelStore } from '@dmls/store-level'
import { type Spread, spreadOf } from '../sampling.ts'
import type { StartTimes } from './startup-process.ts'
import { CountingStore, clientInGroup } from './storage.ts'

export interface StartupReport {
  readonly members: number
  /** Milliseconds each, the start of Node itself apart. */
  readonly importMs: Spread
  readonly openStoreMs: Spread
  readonly openClientMs: Spread
}

const run = promisify(execFile)
const PROGRAM = fileURLToPath(new URL('./startup-process.ts', import.meta.url))

export async function measureStartup(members: number, rounds: number): Promise<StartupReport> {
  const folder = await mkdtemp(join(tmpdir(), 'dmls-bench-'))
  try {
    await prepare(folder, members)
    const times: StartTimes[] = []
    for (let round = 0; round < rounds; round++) {
      const { stdout } = await run(process.execPath, ['--conditions=dmls-source', PROGRAM, folder])
      times.push(JSON.parse(stdout) as StartTimes)
    }
    const of = (field: keyof StartTimes): Spread => spreadOf(times.map((time) => time[field]))
    return { members, importMs: of('importMs'), openStoreMs: of('openStoreMs'), openClientMs: of('openClientMs') }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function prepare(folder: string, members: number): Promise<void> {
  const store = new CountingStore<LevelStore>(await openLevelStore(folder, { sync: false }))
  const { client } = await clientInGroup(store, members)
  await client.close()
  await store.close()
}
