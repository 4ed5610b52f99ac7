#!/usr/bin/env node
/**
 * The `dmls` command's front door. It only looks at the version of Node and loads the rest afterwards, so that an old
 * Node gets as far as saying what is wrong.
 */
import process from 'node:process'

const NODE_MAJOR_MIN = 22

const major = Number(process.versions.node.split('.')[0])
if (major < NODE_MAJOR_MIN) {
  process.stderr.write(`dmls needs Node ${NODE_MAJOR_MIN} or newer; this is ${process.versions.node}.\n`)
  process.exitCode = 1
} else {
  const { runAsProcess } = await import('./run.ts')
  await runAsProcess()
}
