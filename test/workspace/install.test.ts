import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { isAtLeast, NODE_TO_RUN_MIN } from '../../scripts/node-version.mjs'
import { ROOT, temporaryFolder } from './temporary.ts'

/** A workspace without anything installed, and programs of ours in place of corepack and npx. */
class Machine {
  readonly folder: string = temporaryFolder({
    'package.json': '{ "packageManager": "pnpm@1.2.3+sha512.00" }',
    'pnpm-lock.yaml': 'lockfileVersion: 1\n',
    'pnpm-workspace.yaml': 'packages: []\n',
    'node_modules/here': '',
    'bin/here': '',
    'home/here': '',
  })
  home: string = join(this.folder, 'home')

  /** Puts a shell script on PATH; it also notes its arguments. */
  program(name: string, script: string): this {
    const path = join(this.folder, 'bin', name)
    writeFileSync(path, `#!/bin/sh\necho "${name} $*" >> "${join(this.folder, 'calls')}"\n${script}\n`)
    chmodSync(path, 0o755)
    return this
  }

  install(chatterTo: 'stdout' | 'stderr' = 'stdout'): { status: number | null; stdout: string; stderr: string } {
    const script = `import { installIfNeeded } from ${JSON.stringify(join(ROOT, 'scripts/install.mjs'))}
process.exitCode = installIfNeeded(${JSON.stringify(this.folder)}, { chatterTo: '${chatterTo}' })`
    return spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { PATH: join(this.folder, 'bin'), HOME: this.home },
    })
  }

  /** Every call so far, without the options that only shape the output. */
  get calls(): readonly string[] {
    const path = join(this.folder, 'calls')
    if (!existsSync(path)) return []
    return readFileSync(path, 'utf8')
      .trim()
      .replaceAll(/ --(reporter|loglevel)=\S+/g, '')
      .split('\n')
  }
}

describe('the installation', () => {
  test('runs once per lockfile, with the pnpm that corepack fetches', () => {
    const machine = new Machine().program('corepack', 'echo chatter')
    expect(machine.install()).toMatchObject({ status: 0, stdout: expect.stringMatching(/^Installing .*\nchatter\n$/) })
    expect(machine.calls).toEqual(['corepack pnpm --version', 'corepack pnpm install --frozen-lockfile'])

    expect(machine.install()).toMatchObject({ status: 0, stdout: '', stderr: '' })
    expect(machine.calls).toHaveLength(2)

    writeFileSync(join(machine.folder, 'pnpm-lock.yaml'), 'lockfileVersion: 2\n')
    expect(machine.install().status).toBe(0)
    expect(machine.calls).toHaveLength(4)
  })

  test('keeps standard output clean for someone who reads it', () => {
    const machine = new Machine().program('corepack', 'echo chatter')
    expect(machine.install('stderr')).toMatchObject({
      status: 0,
      stdout: '',
      stderr: expect.stringContaining('chatter'),
    })
  })

  test('uses npx where there is no corepack', () => {
    const machine = new Machine().program('npx', '')
    expect(machine.install()).toMatchObject({ status: 0, stdout: expect.stringContaining('using npx') })
    expect(machine.calls).toEqual(['npx --yes pnpm@1.2.3 install --frozen-lockfile'])
  })

  test('uses npx where corepack fails, and says why', () => {
    const machine = new Machine().program('corepack', 'echo "Error: no signature" >&2; exit 1').program('npx', '')
    expect(machine.install().stdout).toContain('corepack is not usable (Error: no signature): using npx.')
    expect(machine.calls.at(-1)).toBe('npx --yes pnpm@1.2.3 install --frozen-lockfile')
  })

  test('is tried again after a failure', () => {
    const machine = new Machine().program('corepack', 'test "$2" = --version || exit 7')
    expect(machine.install().status).toBe(7)
    expect(machine.install().status).toBe(7)
    expect(machine.program('corepack', '').install().status).toBe(0)
  })

  test('fails when there is nothing to install with', () => {
    expect(new Machine().install().status).not.toBe(0)
  })

  test('asks nobody anything, and keeps its caches to itself when the home folder cannot be written to', () => {
    const machine = new Machine().program('corepack', 'echo "$CI $COREPACK_ENABLE_DOWNLOAD_PROMPT $COREPACK_HOME."')
    machine.home = join(machine.folder, 'no such home')
    expect(machine.install().stdout).toContain(`\ntrue 0 ${join(machine.folder, 'node_modules/.cache/corepack')}.\n`)
  })
})

describe('the Node that runs the code', () => {
  test.each([
    ['20.20.2', '20', true],
    ['18.20.8', '20', false],
    ['22.17.1', '22.18', false],
    ['22.18.0', '22.18', true],
    ['24.0.0', '22.18', true],
    ['100.1.0', '22.18', true],
  ])('of version %s is at least %s: %s', (version, minimum, expected) => {
    expect(isAtLeast(version, minimum)).toBe(expected)
  })

  test('is this one, and it is new enough', () => {
    expect(isAtLeast(process.versions.node, NODE_TO_RUN_MIN)).toBe(true)
  })

  test('is refused in one line when it is too old', () => {
    const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.8' } })`
    const { status, stdout, stderr } = spawnSync(
      process.execPath,
      ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, join(ROOT, 'scripts/bootstrap.mjs'), 'test'],
      { encoding: 'utf8' },
    )
    expect({ status, stdout, stderr }).toEqual({
      status: 1,
      stdout: '',
      stderr: 'dmls needs Node 20 or newer; this is 18.20.8.\n',
    })
  })
})
