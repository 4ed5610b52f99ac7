/** The secret behind a lasting peer name, kept in a file: whoever was given an address can use it again tomorrow. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { systemRandom } from '@dmls/crypto'
import { CliError } from '../cli-error.ts'

const SEED_SIZE = 32

/** The seed in the file, made on first use. @throws CliError if the file is something else */
export function loadOrCreateSeed(path: string): Uint8Array {
  if (!existsSync(path)) writeFileSync(path, systemRandom(SEED_SIZE), { mode: 0o600, flag: 'wx' })
  const seed = new Uint8Array(readFileSync(path))
  if (seed.length !== SEED_SIZE)
    throw new CliError(`${path} is not the key of a peer; it should have ${SEED_SIZE} bytes`)
  return seed
}
