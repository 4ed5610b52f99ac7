/** Small workspaces in temporary folders, so that a test can plant a mistake without touching this one. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

/** The root folder of the real workspace. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/[/\\]$/, '')

/** Contents by path, relative to the folder. */
export type Files = Readonly<Record<string, string>>

/** Returns a new folder with these files; it goes away when the test ends. */
export function temporaryFolder(files: Files = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'dmls-workspace-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFiles(folder, files)
  return folder
}

export function writeFiles(folder: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content)
  }
}

interface SmallPackage {
  readonly name: string
  readonly dependencies: readonly string[]
}

const SMALL: readonly SmallPackage[] = [
  { name: 'crypto', dependencies: ['@noble/hashes'] },
  { name: 'mls', dependencies: ['@dmls/crypto', '@peculiar/x509'] },
  { name: 'client', dependencies: ['@dmls/crypto', '@dmls/mls'] },
]

/**
 * Returns a sound workspace of three packages with the real compiler options and tools, plus these files, which come
 * last and may replace any of its own.
 */
export function smallWorkspace(files: Files = {}): string {
  const folder = temporaryFolder({
    'package.json': json({ name: 'small', type: 'module', devDependencies: { vitest: '1.0.0' } }),
    'tsconfig.json': json({
      files: [],
      references: references([
        ...SMALL.flatMap(({ name }) => [`packages/${name}`, `packages/${name}/test`]),
        'tsconfig.tooling.json',
      ]),
    }),
    'tsconfig.tooling.json': json({ extends: './tsconfig.tests.json', files: [], include: [] }),
  })
  for (const config of ['tsconfig.base.json', 'tsconfig.tests.json']) cpSync(join(ROOT, config), join(folder, config))
  for (const tool of ['typescript', 'vitest', '@types']) link(join(ROOT, 'node_modules', tool), folder, tool)
  for (const { name, dependencies } of SMALL) {
    link(join(folder, 'packages', name), folder, `@dmls/${name}`)
    writeFiles(join(folder, 'packages', name), packageFiles(name, dependencies))
  }
  writeFiles(folder, files)
  return folder
}

function packageFiles(name: string, dependencies: readonly string[]): Files {
  const needed = dependencies.filter((it) => it.startsWith('@dmls/')).map((it) => it.replace('@dmls/', ''))
  return {
    'package.json': json({
      name: `@dmls/${name}`,
      type: 'module',
      exports: { '.': { 'dmls-source': './src/index.ts', types: './dist/index.d.ts', default: './dist/index.js' } },
      dependencies: Object.fromEntries(dependencies.map((it) => [it, '1.0.0'])),
    }),
    'tsconfig.json': json({
      extends: '../../tsconfig.base.json',
      references: references(needed.map((it) => `../${it}`)),
    }),
    'test/tsconfig.json': json({
      extends: '../../../tsconfig.tests.json',
      references: references(['..', ...needed.map((it) => `../../${it}`)]),
    }),
    'src/index.ts': `export * from './${name}.ts'\n`,
    [`src/${name}.ts`]: [
      ...needed.map((it) => `export * as ${it} from '@dmls/${it}'`),
      `export function name(): string {\n  return '${name}'\n}\n`,
    ].join('\n'),
  }
}

function references(paths: readonly string[]): readonly { readonly path: string }[] {
  return paths.map((path) => ({ path }))
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}

function link(target: string, folder: string, name: string): void {
  const path = join(folder, 'node_modules', name)
  mkdirSync(dirname(path), { recursive: true })
  symlinkSync(target, path)
}
