/**
 * What users install: every package built, packed, and installed together in a fresh folder, with nothing of the
 * workspace around it. Needs a registry, and takes a minute: `npm run test:long -- test/e2e/packed.test.ts`.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const ROOT: string = fileURLToPath(new URL('../..', import.meta.url))
const PACKAGES: readonly string[] = readdirSync(join(ROOT, 'packages'))

interface Manifest {
  readonly name: string
  readonly packageManager?: string
  readonly exports: Readonly<Record<string, { readonly types?: string; readonly default?: string }>>
  readonly dependencies?: Readonly<Record<string, string>>
}

function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
}

describe.runIf(process.env.DMLS_LONG === '1')('the packages as they are published', () => {
  const packed = mkdtempSync(join(tmpdir(), 'dmls-packed-'))
  const fresh = mkdtempSync(join(tmpdir(), 'dmls-fresh-'))
  const installed = (name: string): string => join(fresh, 'node_modules', '@dmls', name)
  /** Of a Node that knows nothing of the sources. */
  const node = (...args: readonly string[]): Promise<{ stdout: string; stderr: string }> =>
    run(process.execPath, args, { cwd: fresh, env: { ...process.env, NODE_OPTIONS: '' } })

  beforeAll(async () => {
    for (const name of PACKAGES) rmSync(join(ROOT, 'packages', name, 'dist'), { recursive: true, force: true })
    await run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b', '--force', 'packages/cli'], {
      cwd: ROOT,
    })
    const pnpm = manifestIn(ROOT).packageManager?.replace(/\+.*/, '') ?? 'pnpm'
    for (const name of PACKAGES) {
      const cwd = join(ROOT, 'packages', name)
      await run('npx', ['--yes', pnpm, 'pack', '--pack-destination', packed], { cwd })
    }
    writeFileSync(join(fresh, 'package.json'), '{ "private": true, "type": "module" }')
    const tarballs = readdirSync(packed).map((name) => join(packed, name))
    await run('npm', ['install', '--no-audit', '--no-fund', ...tarballs], { cwd: fresh })
  }, 300_000)

  test.each(PACKAGES)('packages/%s holds what it must and nothing of the build', (name) => {
    expect(readdirSync(installed(name))).toEqual(
      expect.arrayContaining(['LICENSE', 'README.md', 'dist', 'package.json', 'src']),
    )
    const files = readdirSync(installed(name), { recursive: true, encoding: 'utf8' })
    expect(files.filter((each) => /tsbuildinfo|\.test\.ts|tsconfig/.test(each))).toEqual([])
    const { dependencies = {} } = manifestIn(installed(name))
    expect(Object.values(dependencies).filter((version) => version.startsWith('workspace:'))).toEqual([])
  })

  test.each(PACKAGES)('whatever packages/%s exports is there to import, with its types', async (name) => {
    const { name: fullName, exports } = manifestIn(installed(name))
    for (const [entry, { types, default: code }] of Object.entries(exports)) {
      // Only the workspace itself sees the contracts that its tests are made of.
      if (code === undefined) continue
      expect(readFileSync(join(installed(name), types ?? ''), 'utf8')).not.toBe('')
      const imported = `import * as all from '${fullName}${entry.slice(1)}'; console.log(Object.keys(all).length)`
      expect(Number((await node('--input-type=module', '-e', imported)).stdout)).toBeGreaterThan(0)
    }
  })

  test('the command is there and runs', async () => {
    const { stdout } = await run(join(fresh, 'node_modules/.bin/dmls'), ['--version'], { cwd: fresh })
    expect(stdout).toMatch(/^dmls \d+\.\d+\.\d+\n$/)
  })
})
