/**
 * What a run of tests says about a mutant. Only a test that failed because something was wrong catches it: a file that
 * does not load, a crash of the mutated code itself or a test that ran out of time shows a bad mutant or a bad test.
 */

/** The parts of vitest's JSON report that matter here. */
export interface TestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly message?: string
    readonly assertionResults: readonly {
      readonly fullName: string
      readonly status: string
      readonly failureMessages?: readonly string[] | null
    }[]
  }[]
}

export type Verdict =
  | { readonly kind: 'caught'; readonly by: string; readonly because: string }
  | { readonly kind: 'survived' }
  /** The tests failed, but not in a way that shows that they check anything. */
  | { readonly kind: 'broken'; readonly because: string }

/** Errors of code that makes no sense, not of a check that failed. */
const CRASH = /\b(?:TypeError|ReferenceError|SyntaxError)\b/
const TIMEOUT = /\btimed out in \d+\s*ms/i

function firstLine(text: string): string {
  return (text.split('\n').find((line) => line.trim() !== '') ?? '').trim()
}

/** The line that says what was wrong: of a failed property the innermost cause. */
function reasonOf(message: string): string {
  const lines = message.split('\n').map((line) => line.trim())
  const cause = lines.findLast((line) => line.startsWith('Got ') || line.startsWith('Caused by'))
  return cause ?? firstLine(message)
}

function isSound(message: string): boolean {
  const head = message.split('\n').filter((line) => !line.trim().startsWith('at '))
  return !CRASH.test(head.join('\n')) && !TIMEOUT.test(message)
}

/** Whether everything ran and passed. */
export function allPassed({ testResults }: TestReport): boolean {
  return testResults.length > 0 && testResults.every(({ status }) => status === 'passed')
}

/** What is wrong in a report in which something failed, one line for each. */
export function failuresOf({ testResults }: TestReport): readonly string[] {
  return testResults.flatMap(({ name, status, message, assertionResults }) => {
    const failed = assertionResults.filter((test) => test.status === 'failed')
    if (failed.length === 0) return status === 'passed' ? [] : [`${name}: ${firstLine(message ?? 'did not run')}`]
    return failed.map((test) => `${test.fullName}: ${firstLine(test.failureMessages?.[0] ?? '')}`)
  })
}

export function verdictOf(report: TestReport): Verdict {
  if (report.testResults.length === 0) return { kind: 'broken', because: 'no test ran' }
  if (allPassed(report)) return { kind: 'survived' }
  for (const { assertionResults } of report.testResults) {
    for (const { fullName, status, failureMessages } of assertionResults) {
      const message = failureMessages?.[0]
      if (status !== 'failed' || message === undefined || !isSound(message)) continue
      return { kind: 'caught', by: fullName, because: reasonOf(message) }
    }
  }
  return { kind: 'broken', because: failuresOf(report)[0] ?? 'the tests failed for no reason that they name' }
}
