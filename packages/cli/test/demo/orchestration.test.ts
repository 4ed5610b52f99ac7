/** The demonstration with members that only pretend: what is tested is who starts, kills, waits and judges. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { CliError } from '../../src/cli-error.ts'
import { type DemoOptions, runDemo } from '../../src/demo/demo.ts'
import type { DemoReport } from '../../src/demo/report.ts'
import { Screen } from '../../src/demo/screen.ts'
import { styleFor } from '../../src/terminal-style.ts'

const FAKE: readonly string[] = [
  '--conditions=dmls-source',
  fileURLToPath(new URL('../fake/fake-member.ts', import.meta.url)),
]

/** A machine that is slow fails nothing: it only takes longer until a wait turns out to be in vain. */
const WAIT_MAX_MS = 120_000
const PLAY_MAX_MS = 300_000

interface Played {
  readonly text: string
  readonly folder: string
  readonly report: DemoReport | undefined
  readonly error: Error | undefined
}

async function playDemo(options: Partial<DemoOptions> = {}): Promise<Played> {
  const folder = mkdtempSync(join(tmpdir(), 'dmls-orchestration-'))
  let text = ''
  const settings: DemoOptions = {
    program: FAKE,
    screen: new Screen({ write: (part) => (text += part) }, styleFor({}, {})),
    outFolder: folder,
    keepsStores: false,
    seed: 1,
    chaosKills: 0,
    waitMaxMs: WAIT_MAX_MS,
    stop: new AbortController().signal,
    ...options,
  }
  try {
    return { report: await runDemo(settings), error: undefined, text, folder }
  } catch (error) {
    return { report: undefined, error: error as Error, text, folder }
  }
}

/** The report; fails with all that is known if the demonstration did not come to an end, or not to a good one. */
function reportOf({ report, error, text }: Played): DemoReport {
  const details = error instanceof CliError ? error.details : []
  if (report === undefined) throw new Error([error?.message, ...details, text].join('\n'), { cause: error })
  const failed = report.checks.filter(({ holds }) => !holds)
  expect(failed, text).toEqual([])
  return report
}

function program(folder: string, source: string): readonly string[] {
  const path = join(folder, 'member.mjs')
  writeFileSync(path, source)
  return [path]
}

/** Processes whose command line has the text in it. */
function processesWith(text: string): readonly string[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text)
      } catch {
        return false
      }
    })
}

describe('the orchestration', () => {
  test(
    'plays the whole plot, tells it, draws it and judges it',
    async () => {
      const played = await playDemo({ keepsStores: true })
      const { text, folder } = played
      expect(reportOf(played)).toMatchObject({ ok: true, added: 'grace', removed: 'frank', killed: 'charlie' })
      expect(text).toContain('commits −frank')
      expect(text).toContain('is killed with SIGKILL')
      expect(text).toContain('merges')
      expect(text).not.toContain('\u001b')
      expect(readFileSync(join(folder, 'dag.svg'), 'utf8')).toContain('</svg>')
      expect(
        readdirSync(join(folder, 'stores'))
          .filter((name) => !name.startsWith('.'))
          .sort(),
      ).toEqual(['alice', 'bob', 'charlie', 'dave', 'erin', 'frank', 'grace', 'mallory'])
    },
    PLAY_MAX_MS,
  )

  test(
    'goes on whoever is killed and whenever',
    async () => {
      const report = reportOf(await playDemo({ chaosKills: 25, chaosDelayMaxMs: 300, seed: 7 }))
      expect(report.ok).toBe(true)
      // how many there is time for depends on the machine
      expect(report.chaosKills.length).toBeGreaterThan(0)
    },
    PLAY_MAX_MS,
  )

  test('a member that does not start ends it with that member’s own words', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dmls-broken-'))
    const { error } = await playDemo({
      program: program(folder, 'console.error("dmls: the port is in use"); process.exitCode = 1'),
    })
    expect(error?.message).toMatch(/^\w+ does not start: dmls: the port is in use/)
  })

  test.runIf(existsSync('/proc'))('Ctrl-C ends it, and nobody is left behind', async () => {
    const stop = new AbortController()
    const folder = mkdtempSync(join(tmpdir(), 'dmls-silent-'))
    const silent = program(folder, 'process.stdin.resume()')
    setTimeout(() => stop.abort(), 300)
    const { error } = await playDemo({ program: silent, stop: stop.signal })
    expect(error).toMatchObject({ message: 'interrupted', exitStatus: 130 })
    expect(processesWith(folder)).toEqual([])
  })
})
