/**
 * The short run: every input of the corpus, then a fixed number of new ones for each target, the same every time. The
 * long run is `pnpm fuzz --minutes N`.
 */
import { toHex } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import { loadCorpus } from './engine/corpus.ts'
import { type FoundInput, Search } from './engine/search.ts'
import { targets } from './targets/index.ts'

const SEED = 9420

/** Says what was found and how to see it again. */
function told({ target, tape, finding }: FoundInput): string {
  const { cause } = finding
  const why = cause instanceof Error ? `\n${cause.stack ?? cause.message}` : ''
  return `${finding.message}${why}\nagain: pnpm fuzz --target ${target} --tape ${toHex(tape)}`
}

describe.each(targets.map((target) => [target.name, target] as const))('%s', (name, target) => {
  test('every input ends in an ordinary outcome or a typed error, and changes nothing that it should not', async () => {
    const search = new Search({ target, run: await target.open(), seed: SEED })
    for (const { tape } of loadCorpus(name)) {
      const found = await search.replay(tape)
      expect(found === undefined ? '' : told(found)).toBe('')
    }
    while (search.runs < loadCorpus(name).length + target.quickRuns) {
      const found = await search.step()
      expect(found === undefined ? '' : told(found)).toBe('')
    }
    // inputs that cannot be made say nothing: most must reach the library
    expect(search.outcomes.get('not made') ?? 0).toBeLessThan(search.runs / 2)
    expect(search.outcomes.size).toBeGreaterThan(5)
  })
})
