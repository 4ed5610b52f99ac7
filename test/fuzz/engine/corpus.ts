/**
 * Inputs worth keeping: for each outcome that was ever seen, the shortest tape that leads to it. One file for each
 * target, made by `pnpm fuzz --keep`.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fromHex, toHex } from '@dmls/crypto'

const FOLDER = join(dirname(fileURLToPath(import.meta.url)), '../corpus')

export interface KeptInput {
  /** What it led to when it was kept; for readers, the sources move on. */
  readonly outcome: string
  readonly tape: Uint8Array
}

function fileOf(target: string): string {
  return join(FOLDER, `${target}.json`)
}

export function loadCorpus(target: string): readonly KeptInput[] {
  const file = fileOf(target)
  if (!existsSync(file)) return []
  const entries = JSON.parse(readFileSync(file, 'utf8')) as readonly { outcome: string; tape: string }[]
  return entries.map(({ outcome, tape }) => ({ outcome, tape: fromHex(tape) }))
}

/** Without the line numbers, which change with every edit. */
function stableName(outcome: string): string {
  return outcome.replace(/(\.ts):\d+/g, '$1')
}

export function saveCorpus(target: string, inputs: Iterable<KeptInput>): void {
  const entries = [...inputs].map(({ outcome, tape }) => ({ outcome: stableName(outcome), tape: toHex(tape) }))
  entries.sort((a, b) => (a.outcome < b.outcome ? -1 : a.outcome > b.outcome ? 1 : a.tape < b.tape ? -1 : 1))
  const lines = entries.map((entry) => `  ${JSON.stringify(entry)}`)
  writeFileSync(fileOf(target), `[\n${lines.join(',\n')}\n]\n`)
}
