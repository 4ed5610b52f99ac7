#!/usr/bin/env node
/**
 * The `dmls` command as it is installed. It stands beside what is built, so that it is there before anything is built:
 * a package manager can link it in a fresh clone.
 */
import { existsSync } from 'node:fs'
import process from 'node:process'

const main = new URL('../dist/main.js', import.meta.url)
if (existsSync(main)) {
  await import(main.href)
} else {
  process.stderr.write(
    'dmls: not built yet; in the workspace, run `npm run dmls --` instead, or `npm run build` first.\n',
  )
  process.exitCode = 1
}
