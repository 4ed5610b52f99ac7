/** Holds `docs/scenarios.md` to the sources: every scenario is there, and every file that it names has a test of it. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const HERE = dirname(fileURLToPath(import.meta.url))
const ROOT = join(HERE, '../..')
/** The situations are numbered without a gap. */
const SCENARIOS = 34

interface Row {
  readonly scenario: number
  readonly files: readonly string[]
}

const rows = readFileSync(join(ROOT, 'docs/scenarios.md'), 'utf8')
  .split('\n')
  .filter((line) => /^\| \d/.test(line))
  .map((line): Row => {
    const [, scenario = '', , , files = ''] = line.split('|').map((cell) => cell.trim())
    return { scenario: Number(scenario), files: [...files.matchAll(/`([^`]+)`/g)].map(([, file = '']) => file) }
  })

/** The scenarios that the titles of a file name: strings that say `scenario 7` or `scenarios 15, 20`, no comments. */
function scenariosIn(file: string): ReadonlySet<number> {
  const found = new Set<number>()
  for (const line of readFileSync(join(ROOT, file), 'utf8').split('\n')) {
    if (/^\s*(\*|\/[/*])/.test(line)) continue
    for (const [, numbers = ''] of line.matchAll(/['"`][^'"`]*\bscenarios? (\d+(?:(?:, | and )\d+)*)/g)) {
      for (const number of numbers.split(/, | and /)) found.add(Number(number))
    }
  }
  return found
}

describe('the list of scenarios', () => {
  test('has each of them once, in order, with a test', () => {
    expect(rows.map(({ scenario }) => scenario)).toEqual(Array.from({ length: SCENARIOS }, (_, i) => i + 1))
    expect(rows.filter(({ files }) => files.length === 0)).toEqual([])
  })

  test.each(rows)('names for scenario $scenario only files that have a test of it', ({ scenario, files }) => {
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([])
    expect(files.filter((file) => !scenariosIn(file).has(scenario))).toEqual([])
    // one of them calls the test by the scenario's name
    const titles = files.map((file) => readFileSync(join(ROOT, file), 'utf8'))
    expect(titles.some((text) => new RegExp(`['"\`]scenario ${scenario}: `).test(text))).toBe(true)
  })

  test('names every file of this folder that has a test of a scenario', () => {
    const missing: string[] = []
    for (const name of readdirSync(HERE).filter((each) => each.endsWith('.test.ts') && each !== 'list.test.ts')) {
      const file = `test/scenarios/${name}`
      for (const scenario of scenariosIn(file)) {
        const row = rows.find((each) => each.scenario === scenario)
        if (row?.files.includes(file) !== true) missing.push(`${scenario}: ${file}`)
      }
    }
    expect(missing).toEqual([])
  })
})
