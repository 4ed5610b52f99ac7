/**
 * Copies of the workspace in which sources may be changed: sources and tests are copied, installed packages are linked.
 * The links of the workspace's own packages are kept as they are, relative, so that a copy imports its own sources.
 */
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync } from 'node:fs'
import { basename, join } from 'node:path'

const SOURCES = [
  'package.json',
  'vitest.config.ts',
  'tsconfig.base.json',
  'tsconfig.tests.json',
  'packages',
  'sim',
  'test',
]
const LEFT_OUT = new Set(['dist', 'coverage', 'demo-out', '.git'])

/** Installed packages and their binaries; caches stay behind, so that every copy has its own. */
function isInstalled(entry: string): boolean {
  return !entry.startsWith('.') || entry === '.pnpm' || entry === '.bin'
}

/** Makes `to`, which must not exist, a workspace like `from`. Nothing in it leads back to sources of `from`. */
export function copyWorkspace(from: string, to: string): void {
  mkdirSync(to)
  for (const entry of SOURCES) {
    if (!existsSync(join(from, entry))) continue
    cpSync(join(from, entry), join(to, entry), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (source) => !LEFT_OUT.has(basename(source)),
    })
  }
  mkdirSync(join(to, 'node_modules'))
  for (const entry of readdirSync(join(from, 'node_modules'))) {
    if (isInstalled(entry)) symlinkSync(join(from, 'node_modules', entry), join(to, 'node_modules', entry))
  }
}
