/** The harness itself: what counts as caught, and that a copy of the workspace has nothing of the live one in it. */
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { type Mutant, mutate } from './mutant.ts'
import { tableOf } from './report.ts'
import { type TestReport, verdictOf } from './verdict.ts'
import { copyWorkspace } from './workspace-copy.ts'

const MUTANT: Mutant = {
  name: 'upside-down',
  breaks: 'Less is more.',
  file: 'packages/a/src/index.ts',
  search: 'a < b',
  replacement: 'a > b',
  tests: ['packages/a/test/index.test.ts'],
}

describe('a mutant', () => {
  test('changes one place, and nothing else', () => {
    expect(mutate('if (a < b) $&', MUTANT)).toBe('if (a > b) $&')
  })

  test('does not fit where its text is missing, or stands twice', () => {
    expect(mutate('if (a <= b)', MUTANT)).toBeUndefined()
    expect(mutate('a < b || a < b', MUTANT)).toBeUndefined()
    expect(mutate('anything', { ...MUTANT, search: '' })).toBeUndefined()
  })
})

/** A report with one file. */
function report(status: string, tests: readonly { status: string; message?: string }[], message = ''): TestReport {
  const assertionResults = tests.map((each, i) => ({
    fullName: `test ${i}`,
    status: each.status,
    failureMessages: each.message === undefined ? [] : [each.message],
  }))
  return { testResults: [{ name: 'a.test.ts', status, message, assertionResults }] }
}

describe('a mutant is', () => {
  test('caught when a test says what is wrong', () => {
    const failed = { status: 'failed', message: 'AssertionError: expected 1 to be 2\n    at a.test.ts:1:1' }
    const caught = { kind: 'caught', by: 'test 1', because: 'AssertionError: expected 1 to be 2' }
    expect(verdictOf(report('failed', [{ status: 'passed' }, failed]))).toEqual(caught)
    const refused = { status: 'failed', message: 'MlsError: the confirmation tag of a commit does not match' }
    expect(verdictOf(report('failed', [refused])).kind).toBe('caught')
  })

  test('alive when everything passes', () => {
    expect(verdictOf(report('passed', [{ status: 'passed' }]))).toEqual({ kind: 'survived' })
  })

  test('broken when nothing ran, a file did not load, the code crashed, or a test ran out of time', () => {
    expect(verdictOf({ testResults: [] }).kind).toBe('broken')
    expect(verdictOf(report('failed', [], 'SyntaxError: Unexpected token')).kind).toBe('broken')
    const messages = [
      "TypeError: Cannot read properties of undefined (reading 'x')\n    at b.ts",
      'AssertionError: expected [Function] to throw MlsError but it threw ReferenceError: a is not defined',
      'Error: Test timed out in 60000ms.',
    ]
    for (const message of messages) {
      expect(verdictOf(report('failed', [{ status: 'failed', message }])).kind, message).toBe('broken')
    }
  })
})

test('the table says of each mutant what became of it, and explains those that were not caught', () => {
  const table = tableOf(
    [
      { mutant: MUTANT, outcome: { kind: 'survived' }, elapsedMs: 1500 },
      { mutant: { ...MUTANT, name: 'other' }, outcome: { kind: 'caught', by: 'a test', because: 'x' }, elapsedMs: 100 },
    ],
    2000,
  )
  expect(table).toContain('✗ survived  upside-down')
  expect(table).toContain('✓ caught    other')
  expect(table).toContain('what it breaks: Less is more.')
  expect(table).toContain('1 of 2 caught in 2.0 s')
})

describe('a copy of the workspace', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'dmls-mutants-test-')))
  afterAll(() => rmSync(folder, { recursive: true }))
  const [live, copy] = [join(folder, 'live'), join(folder, 'copy')]

  function write(path: string, text: string): void {
    mkdirSync(join(live, path, '..'), { recursive: true })
    writeFileSync(join(live, path), text)
  }

  test('imports its own sources and the installed packages, and can be changed alone', () => {
    write('package.json', '{}')
    write('packages/a/src/index.ts', 'a')
    write('packages/a/dist/index.js', 'a')
    write('packages/b/src/index.ts', 'b')
    write('node_modules/.pnpm/x@1/node_modules/x/index.js', 'x')
    write('node_modules/.cache/old', 'old')
    mkdirSync(join(live, 'packages/b/node_modules/@dmls'), { recursive: true })
    symlinkSync('../../../a', join(live, 'packages/b/node_modules/@dmls/a'))
    symlinkSync('.pnpm/x@1/node_modules/x', join(live, 'node_modules/x'))
    symlinkSync('../../../node_modules/.pnpm/x@1/node_modules/x', join(live, 'packages/b/node_modules/x'))

    copyWorkspace(live, copy)
    const through = (path: string): string => realpathSync(join(copy, path))
    expect(through('packages/b/node_modules/@dmls/a/src/index.ts')).toBe(join(copy, 'packages/a/src/index.ts'))
    const installed = join(live, 'node_modules/.pnpm/x@1/node_modules/x/index.js')
    expect(through('packages/b/node_modules/x/index.js')).toBe(installed)
    expect(through('node_modules/x/index.js')).toBe(installed)
    expect(() => through('packages/a/dist/index.js')).toThrow('ENOENT')
    expect(() => through('node_modules/.cache/old')).toThrow('ENOENT')

    writeFileSync(join(copy, 'packages/a/src/index.ts'), 'changed')
    expect(readFileSync(join(live, 'packages/a/src/index.ts'), 'utf8')).toBe('a')
  })
})
