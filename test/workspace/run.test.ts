import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ROOT } from './temporary.ts'

/** Starts a Node that runs the script through `runAndExit`. */
function start(script: string): ChildProcess {
  return spawn(process.execPath, ['--input-type=module', '-e', inPlaceOf(script)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

function inPlaceOf(script: string): string {
  return `import { runAndExit } from ${JSON.stringify(join(ROOT, 'scripts/run.mjs'))}
runAndExit(process.execPath, ['-e', ${JSON.stringify(script)}], { cwd: ${JSON.stringify(ROOT)}, pathFirst: ['/first'] })`
}

async function firstOutput(child: ChildProcess): Promise<string> {
  const [chunk] = await once(child.stdout as NonNullable<typeof child.stdout>, 'data')
  return String(chunk)
}

describe('a program run in place of another', () => {
  test('passes on its exit status', async () => {
    expect(await once(start('process.exit(5)'), 'exit')).toEqual([5, null])
  })

  test('finds the folders given first on PATH', async () => {
    expect(await firstOutput(start('console.log(process.env.PATH)'))).toMatch(/^\/first:/)
  })

  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('receives %s and may end in order', async (signal) => {
    const child = start(
      `process.on('${signal}', () => process.exit(9)); setTimeout(() => {}, 60_000); console.log('up')`,
    )
    await firstOutput(child)
    child.kill(signal)
    expect(await once(child, 'exit')).toEqual([9, null])
  })

  test('takes its parent along when a signal ends it', async () => {
    const child = start(`setTimeout(() => {}, 60_000); console.log('up')`)
    await firstOutput(child)
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([null, 'SIGTERM'])
  })
  test('ends with the npm that started it', async () => {
    const script = `process.on('SIGTERM', () => { console.log('told'); process.exit() }); setTimeout(() => {}, 60_000); console.log('up')`
    const shell = spawn('sh', ['-c', `"$0" --input-type=module -e "$1"; true`, process.execPath, inPlaceOf(script)], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, npm_lifecycle_event: 'start' },
    })
    expect(await firstOutput(shell)).toBe('up\n')
    shell.kill('SIGKILL')
    expect(await firstOutput(shell)).toBe('told\n')
  })
})
