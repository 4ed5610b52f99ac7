import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { countTests, isGreen } from '../../scripts/count-tests.mjs'
import { ROOT, temporaryFolder } from './temporary.ts'

const COUNTER = join(ROOT, 'scripts/count-tests.mjs')

/** Runs these test files with the real vitest and returns the last line and the status of the counter. */
function lastLine(files: Readonly<Record<string, string>>): { line: string; status: number | null } {
  const folder = temporaryFolder(files)
  const report = join(folder, 'report.json')
  const vitest = join(ROOT, 'node_modules/vitest/vitest.mjs')
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const run = spawnSync(process.execPath, [vitest, 'run', '--globals', ...reporters], { cwd: folder, encoding: 'utf8' })
  const count = spawnSync(process.execPath, [COUNTER, report, String(run.status)], { encoding: 'utf8' })
  return { line: count.stdout.trim().split('\n').at(-1) ?? '', status: count.status }
}

describe('the line that closes a run', () => {
  test('counts what passed, failed and was skipped', () => {
    const files = {
      'a.test.js': `test('1', () => {}); test.skip('2', () => {}); test.todo('3'); test('4', (it) => it.skip('why'))`,
      'b.test.js': `test('5', () => {}); test('6', () => { throw new Error('no') })`,
    }
    expect(lastLine(files)).toEqual({ line: '2 passed, 1 failed, 3 skipped', status: 1 })
  })

  test('is green when nothing failed', () => {
    expect(lastLine({ 'a.test.js': `test('1', () => {}); test.skip('2', () => {})` })).toEqual({
      line: '1 passed, 0 failed, 1 skipped',
      status: 0,
    })
  })

  test('counts a file that could not be loaded as a failure', () => {
    const files = { 'a.test.js': `test('1', () => {})`, 'b.test.js': `import './absent.js'` }
    expect(lastLine(files)).toEqual({ line: '1 passed, 1 failed, 0 skipped', status: 1 })
  })

  test('counts an error outside of any test as a failure', () => {
    const files = { 'a.test.js': `test('1', () => { setTimeout(() => { throw new Error('late') }, 0) })` }
    expect(lastLine(files)).toEqual({ line: '1 passed, 1 failed, 0 skipped', status: 1 })
  })

  test('is red when nothing ran', () => {
    expect(lastLine({ 'a.test.js': `test.skip('1', () => {})` })).toEqual({
      line: '0 passed, 0 failed, 1 skipped',
      status: 1,
    })
  })

  test('is red when there is no report', () => {
    expect(countTests(undefined, 0)).toEqual({ passed: 0, failed: 1, skipped: 0 })
    expect(isGreen({ passed: 0, failed: 0, skipped: 0 })).toBe(false)
  })
})
