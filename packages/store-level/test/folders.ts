/** Temporary folders, raw files and child processes for the tests of the store. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export async function makeFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'dmls-store-'))
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
}

/** Every file below a folder with its bytes. */
export async function readAllFiles(folder: string): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name)
      files.set(path, await readFile(path))
    }
  }
  return files
}

/** The files in which the bytes stand. */
export async function filesWith(folder: string, bytes: Uint8Array): Promise<readonly string[]> {
  const files = await readAllFiles(folder)
  return [...files].filter(([, content]) => content.includes(Buffer.from(bytes))).map(([path]) => path)
}

/** Starts writer-process.ts on a folder. */
export function startWriter(...args: readonly string[]): ChildProcess {
  const script = fileURLToPath(new URL('./writer-process.ts', import.meta.url))
  return spawn(process.execPath, ['--conditions=dmls-source', script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}
