/** Holds `docs/validation.md` to the sources: every function and every title that it names is there, and none is missing. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')
const SOURCES = join(ROOT, 'packages/mls/src')
const TESTS = join(ROOT, 'packages/mls/test')

interface Row {
  readonly id: string
  readonly where: readonly { readonly file: string; readonly names: readonly string[] }[]
  readonly tests: readonly { readonly file: string; readonly title: string }[]
}

function readRow(line: string): Row {
  const [, id = '', , where = '', tests = ''] = line.split(/(?<!\\)\|/).map((cell) => cell.trim())
  return {
    id,
    where: [...where.matchAll(/`([^`:]+): ([^`]+)`/g)].map(([, file = '', names = '']) => ({
      file,
      names: names.split(', '),
    })),
    tests: tests.split('<br>').map((entry) => {
      const [, file = '', title = ''] = /^`([^`]+)`: (.+)$/.exec(entry) ?? []
      return { file, title: title.replaceAll('\\|', '|') }
    }),
  }
}

const rows = readFileSync(join(ROOT, 'docs/validation.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| V-'))
  .map(readRow)

/** Whether a file declares a function, method or getter of that name. */
function declares(text: string, name: string): boolean {
  return new RegExp(`^(export )?(async )?function\\*? ${name}\\b|^  (static |async |get )*${name}(<.*>)?\\(`, 'm').test(
    text,
  )
}

/** A title stands between quotes, or ends a template literal. */
function names(text: string, title: string): boolean {
  const escaped = title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
  return new RegExp(`['"\`}] ?(: )?${escaped}['"\`]`).test(text)
}

/** Functions of a file that refuse something, with a section of the RFC on the line. */
function refusingFunctions(text: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  let current = ''
  const lines = text.split('\n')
  for (const [i, line] of lines.entries()) {
    const [, top, method] =
      /^(?:export )?(?:async )?function\*? (\w+)|^ {2}(?:static |async |get )*(#?\w+)(?:<.*>)?\(.*\{$/.exec(line) ?? []
    const name = top ?? method
    if (name !== undefined && !['if', 'for', 'while', 'switch', 'catch'].includes(name)) current = name
    const refuses = /throw (invalid|malformed|missing|badSender|new MlsError)|misfit\(/.test(line)
    const said = `${lines[i - 1]?.trim().startsWith('//') === true ? lines[i - 1] : ''}${line}`
    const [section] = /RFC 9420 §[\d.]+/.exec(said) ?? []
    if (refuses && section !== undefined) found.set(current, section)
  }
  return found
}

function sourceFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'))
}

test('docs/validation.md has an id of its own for each row, which names a function and a test', () => {
  expect(rows.length).toBeGreaterThan(140)
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length)
  expect(rows.filter(({ where, tests }) => where.length === 0 || tests.some(({ file }) => file === ''))).toEqual([])
})

describe.each(rows.map((row) => [row.id, row] as const))('%s', (_id, { where, tests }) => {
  test('is checked by functions that exist, and broken by tests that exist', () => {
    for (const { file, names: functions } of where) {
      const text = readFileSync(join(SOURCES, file), 'utf8')
      expect(functions.filter((name) => !declares(text, name))).toEqual([])
    }
    const gone = tests.filter(({ file, title }) => !names(readFileSync(join(TESTS, file), 'utf8'), title))
    expect(gone).toEqual([])
  })
})

/** Rows of the table of faults: in the fourth column files below the root, and titles of tests in them. */
const faults = readFileSync(join(ROOT, 'docs/validation.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| P-'))
  .map(readRow)

test('each fault that was found in other clients has a test of the title that docs/validation.md says', () => {
  expect(faults).toHaveLength(10)
  const gone = faults.flatMap(({ tests }) =>
    tests.filter(({ file, title }) => !names(readFileSync(join(ROOT, file), 'utf8'), title)),
  )
  expect(gone).toEqual([])
})

test('every function that refuses something with a section of the RFC is in docs/validation.md', () => {
  const named = new Set(
    rows.flatMap(({ where }) => where.flatMap(({ file, names: all }) => all.map((name) => `${file}: ${name}`))),
  )
  const unnamed: string[] = []
  for (const file of sourceFiles(SOURCES)) {
    const path = file.split('\\').join('/')
    for (const [name, section] of refusingFunctions(readFileSync(join(SOURCES, file), 'utf8'))) {
      if (!named.has(`${path}: ${name}`)) unnamed.push(`${path}: ${name} (${section})`)
    }
  }
  expect(unnamed).toEqual([])
})
