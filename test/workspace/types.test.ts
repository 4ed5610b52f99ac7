import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { POLICIES } from '../../scripts/arrows/policy.mjs'
import { ROOT, smallWorkspace, temporaryFolder } from './temporary.ts'

interface Outcome {
  readonly status: number | null
  readonly output: string
}

function run(folder: string, args: readonly string[]): Outcome {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
  return { status, output: `${stdout}${stderr}` }
}

function build(folder: string): Outcome {
  return run(folder, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-b'])
}

describe('the build', () => {
  test('accepts a small workspace without mistakes, and its output runs without the sources', () => {
    const folder = smallWorkspace()
    expect(build(folder)).toEqual({ status: 0, output: '' })
    const script = `import('@dmls/client').then((client) => console.log(client.mls.crypto.name()))`
    expect(run(folder, ['-e', script])).toEqual({ status: 0, output: 'crypto\n' })
  })

  test('refuses a type error in a test', () => {
    const folder = smallWorkspace({
      'packages/mls/test/planted.test.ts': [
        `import { expect, test } from 'vitest'`,
        `import { name } from '@dmls/mls'`,
        `import { name as same } from '../src/mls.ts'`,
        `test('a number is not a name', () => {`,
        `  const number: number = name()`,
        `  expect(number).toBe(same())`,
        '})',
        '',
      ].join('\n'),
    })
    const { status, output } = build(folder)
    expect(status).not.toBe(0)
    expect(output.trim().split('\n')).toEqual([
      `packages/mls/test/planted.test.ts(5,9): error TS2322: Type 'string' is not assignable to type 'number'.`,
    ])
  })

  test('a clean install imports: every entry of every package, without the sources', () => {
    const folder = copyOfPackages()
    expect(build(folder)).toEqual({ status: 0, output: '' })
    const entries = readdirSync(join(folder, 'packages')).flatMap((name) => entriesOf(join(folder, 'packages', name)))
    expect(entries).toEqual(expect.arrayContaining(['@dmls/mls', '@dmls/mls/x509', '@dmls/crypto/webcrypto']))
    const script = `for (const name of ${JSON.stringify(entries)}) await import(name)`
    expect(run(folder, ['--input-type=module', '-e', script])).toEqual({ status: 0, output: '' })
  })
})

/** What others can import of a package: its exports, but for those that are there inside this workspace only. */
function entriesOf(folder: string): readonly string[] {
  const { name, exports } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly name: string
    readonly exports: Readonly<Record<string, { readonly default?: string }>>
  }
  return Object.entries(exports).flatMap(([entry, targets]) =>
    targets.default === undefined ? [] : [name + entry.slice(1)],
  )
}

/** A copy of the sources of all packages in a folder where nothing is built yet. */
function copyOfPackages(): string {
  const folders = Object.values(POLICIES).map((policy) => policy.folder)
  const packages = folders.filter((folder) => folder.startsWith('packages/'))
  const copy = temporaryFolder({
    'package.json': '{ "type": "module" }',
    'tsconfig.json': JSON.stringify({ files: [], references: packages.map((path) => ({ path })) }),
  })
  cpSync(join(ROOT, 'tsconfig.base.json'), join(copy, 'tsconfig.base.json'))
  link(join(ROOT, 'node_modules/@types'), join(copy, 'node_modules/@types'))
  for (const folder of packages) {
    for (const entry of ['package.json', 'tsconfig.json', 'src']) {
      cpSync(join(ROOT, folder, entry), join(copy, folder, entry), { recursive: true })
    }
    link(join(copy, folder), join(copy, 'node_modules/@dmls', folder.replace('packages/', '')))
    for (const dependency of dependenciesOf(join(ROOT, folder))) {
      link(join(ROOT, folder, 'node_modules', dependency), join(copy, folder, 'node_modules', dependency))
    }
  }
  return copy
}

/** What an installation of a package brings along, apart from the packages of the workspace. */
function dependenciesOf(folder: string): readonly string[] {
  const { dependencies = {} } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    readonly dependencies?: Readonly<Record<string, string>>
  }
  return Object.keys(dependencies).filter((name) => !name.startsWith('@dmls/'))
}

function link(target: string, path: string): void {
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(target, path)
}
