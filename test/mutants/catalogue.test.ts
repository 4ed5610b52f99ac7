/** The catalogue fits the sources: every mutant can still be made, and names tests that are there. */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { CATALOGUE } from './catalogue/index.ts'
import { countOccurrences, mutate } from './mutant.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

function sourceOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8')
}

test('there are enough mutants, each under its own name', () => {
  expect(CATALOGUE.length).toBeGreaterThanOrEqual(25)
  expect(new Set(CATALOGUE.map(({ name }) => name)).size).toBe(CATALOGUE.length)
})

describe.each(CATALOGUE)('$name', (mutant) => {
  test('stands in the sources exactly once, and is a mistake', () => {
    expect(mutant.file).toMatch(/^packages\/\w+\/src\/.*\.ts$/)
    const source = sourceOf(mutant.file)
    expect(countOccurrences(source, mutant.search), `${mutant.file} changed: ${mutant.search}`).toBe(1)
    expect(mutate(source, mutant)).not.toBe(source)
    expect(mutant.name).toMatch(/^[a-z]+(-[a-z]+)*$/)
    expect(mutant.breaks).toMatch(/^[A-Z].*\.$/)
  })

  test('names tests that exist', () => {
    expect(mutant.tests.length).toBeGreaterThan(0)
    expect(mutant.tests.filter((file) => !/\.test\.ts$/.test(file) || !existsSync(join(ROOT, file)))).toEqual([])
  })
})
