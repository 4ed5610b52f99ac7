/** What `pnpm mutants` prints: a line as each one ends, and a table at the end. */
import type { Outcome, Trial } from './trial.ts'

const SIGNS: Readonly<Record<Outcome['kind'], string>> = { caught: '✓', survived: '✗', broken: '!', stale: '?' }

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}

function shortened(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length - 1)}…`
}

function detailOf(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'caught':
      return outcome.by
    case 'survived':
      return 'no test noticed'
    case 'broken':
    case 'stale':
      return outcome.because
  }
}

export function progressLine({ mutant, outcome, elapsedMs }: Trial, done: number, total: number): string {
  const count = `${String(done).padStart(String(total).length)}/${total}`
  return `${count}  ${SIGNS[outcome.kind]} ${outcome.kind.padEnd(8)} ${mutant.name} (${seconds(elapsedMs)})`
}

export function tableOf(trials: readonly Trial[], elapsedMs: number): string {
  const width = Math.max(...trials.map(({ mutant }) => mutant.name.length))
  const lines = trials.map(({ mutant, outcome, elapsedMs: ms }) => {
    const sign = `${SIGNS[outcome.kind]} ${outcome.kind.padEnd(8)}`
    return `${sign}  ${mutant.name.padEnd(width)}  ${seconds(ms).padStart(7)}  ${shortened(detailOf(outcome), 110)}`
  })
  const bad = trials.filter(({ outcome }) => outcome.kind !== 'caught')
  const explained = bad.map(({ mutant, outcome }) =>
    [
      `${mutant.name}: ${outcome.kind}`,
      `  what it breaks: ${mutant.breaks}`,
      `  in ${mutant.file}, expected to be noticed by ${mutant.tests.join(', ')}`,
      `  ${detailOf(outcome)}`,
    ].join('\n'),
  )
  const caught = trials.length - bad.length
  return [...lines, '', ...explained, `${caught} of ${trials.length} caught in ${seconds(elapsedMs)}`].join('\n')
}

export function jsonOf(trials: readonly Trial[], elapsedMs: number): string {
  const mutants = trials.map(({ mutant, outcome, elapsedMs: ms }) => ({
    name: mutant.name,
    breaks: mutant.breaks,
    file: mutant.file,
    ...outcome,
    elapsedMs: Math.round(ms),
  }))
  return JSON.stringify({ elapsedMs: Math.round(elapsedMs), mutants }, undefined, 2)
}
