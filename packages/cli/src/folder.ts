/**
 * Makes folders. Node's own way of making all folders of a path tries for ever where a folder is there and takes none,
 * as in /proc.
 */
import { existsSync, mkdirSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { CliError } from './cli-error.ts'

const EVERYBODY = 0o777

/** Makes a folder and those that it is in, unless they are there. @throws CliError, and what `mkdir` throws */
export function makeFolder(folder: string, mode: number = EVERYBODY): void {
  const path = resolve(folder)
  if (!existsSync(path) && !existsSync(dirname(path))) makeFolder(dirname(path), mode)
  try {
    mkdirSync(path, { mode })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') throw new CliError(`${folder}: no folder can be made there`, { cause: error })
    if (code !== 'EEXIST' || !statSync(path).isDirectory()) throw error
  }
}
