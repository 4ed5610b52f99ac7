/**
 * Counts the outcomes in a JSON report of vitest and prints them as one last line.
 *
 *     node scripts/count-tests.mjs <report.json> <exit status of the run>
 *
 * Ends with 0 only when something passed, nothing failed and the run itself ended with 0.
 */
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/**
 * @typedef {{ passed: number, failed: number, skipped: number }} Counts
 * @typedef {{ status: string, assertionResults: readonly { status: string }[] }} FileResult
 */

/**
 * Adds up a report. A file that failed before its first test counts as one failure, and so does a run that ended with
 * an error although no test failed (an unhandled rejection, a crash, no report at all).
 *
 * @param {{ testResults: readonly FileResult[] } | undefined} report
 * @param {number} runStatus
 * @returns {Counts}
 */
export function countTests(report, runStatus) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  for (const { status, assertionResults } of report?.testResults ?? []) {
    for (const test of assertionResults) {
      if (test.status === 'passed') counts.passed++
      else if (test.status === 'failed') counts.failed++
      else counts.skipped++
    }
    if (status === 'failed' && !assertionResults.some((test) => test.status === 'failed')) counts.failed++
  }
  if (counts.failed === 0 && (runStatus !== 0 || report === undefined)) counts.failed = 1
  return counts
}

/** @param {Counts} counts */
export function isGreen({ passed, failed }) {
  return failed === 0 && passed > 0
}

/** @param {string} path */
function readReport(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [path = '', status = '1'] = process.argv.slice(2)
  const counts = countTests(readReport(path), Number(status))
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
  process.exitCode = isGreen(counts) ? 0 : 1
}
