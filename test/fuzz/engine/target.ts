/**
 * What a target is, and the oracle that all share: hostile input ends in an ordinary outcome or in a typed error that
 * lays the blame where it belongs. Everything else is a finding.
 */
import { CryptoError } from '@dmls/crypto'
import { type Blame, MlsError } from '@dmls/mls'
import type { Tape } from './tape.ts'

/** Runs one input; returns what came of it, in a few words that tell outcomes apart. Throws for a finding. */
export type Run = (tape: Tape) => Promise<string> | string

export interface Target {
  readonly name: string
  /** Bytes that a tape of it has at most. */
  readonly tapeMax: number
  /** Inputs that the short run tries, beside the corpus. */
  readonly quickRuns: number
  /** Builds what the inputs are tried on; the same every time. */
  readonly open: () => Promise<Run>
}

/** What the library must not do, seen. */
export class Finding extends Error {
  override readonly name = 'Finding'
}

/** The blame that a peer's bytes may cause: never the calling program's, never ours. */
export const PEER_BLAMES: readonly Blame[] = ['malformed', 'invalid', 'missing']

/** Where in the sources an error was made first: `tree/update-path.ts:43`. */
function siteOf(error: Error): string {
  if (error.cause instanceof MlsError) return siteOf(error.cause)
  for (const line of (error.stack ?? '').split('\n')) {
    const match = /\/(?:packages\/)?([a-z0-9-]+\/src\/[^:?]+\.ts)[^:]*:(\d+)/.exec(line)
    if (match !== null && !line.includes('/errors.ts')) return `${match[1]}:${match[2]}`
  }
  return 'elsewhere'
}

/** The outcome of a refusal. @throws Finding if it is not a typed one, or blames somebody who is not to blame */
export function refusal(error: unknown, blames: readonly Blame[] = PEER_BLAMES): string {
  if (error instanceof Finding) throw error
  if (error instanceof MlsError && blames.includes(error.blame)) {
    return `${error.blame} ${error.code} @ ${siteOf(error)}`
  }
  const what = error instanceof MlsError ? `${error.blame}/${error.code}` : String(error)
  throw new Finding(`hostile input caused ${what}`, { cause: error })
}

/** The same where a bare CryptoError is a typed answer too. */
export function refusalOrCrypto(error: unknown, blames: readonly Blame[] = PEER_BLAMES): string {
  return error instanceof CryptoError ? `crypto ${error.code} @ ${siteOf(error)}` : refusal(error, blames)
}

/** @throws Finding unless the condition holds */
export function demand(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Finding(what)
}
