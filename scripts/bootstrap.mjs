/**
 * `npm start`, `npm test` and `npm run dmls` on a machine that has nothing but Node and a registry: check Node, install
 * what is missing, run. Uses nothing outside Node itself, because it runs before anything is installed.
 *
 *     node scripts/bootstrap.mjs demo [arguments of `dmls demo`]
 *     node scripts/bootstrap.mjs dmls COMMAND [arguments of the command]
 *     node scripts/bootstrap.mjs test [arguments of vitest]
 */
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installIfNeeded } from './install.mjs'
import { bundledNodeExists, isAtLeast, NODE_MIN, NODE_TO_RUN_MIN, nodeToRun } from './node-version.mjs'
import { runAndExit } from './run.mjs'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))

/** What each word runs, as arguments of Node. */
const TARGETS = {
  dmls: ['--conditions=dmls-source', join(ROOT, 'packages/cli/src/main.ts')],
  demo: ['--conditions=dmls-source', join(ROOT, 'packages/cli/src/main.ts'), 'demo'],
  test: [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run'],
}

/**
 * @param {string} line
 * @returns {never}
 */
function refuse(line) {
  process.stderr.write(`${line}\n`)
  process.exit(1)
}

const [word = '', ...rest] = process.argv.slice(2)
if (!(word in TARGETS)) refuse(`usage: node scripts/bootstrap.mjs ${Object.keys(TARGETS).join('|')} [arguments]`)
if (!isAtLeast(process.versions.node, NODE_MIN)) {
  refuse(`dmls needs Node ${NODE_MIN} or newer; this is ${process.versions.node}.`)
}
if (!bundledNodeExists() && !isAtLeast(process.versions.node, NODE_TO_RUN_MIN)) {
  refuse(
    `dmls needs Node ${NODE_TO_RUN_MIN} or newer on ${process.platform}-${process.arch}; this is ${process.versions.node}.`,
  )
}

// A program may read standard output: the chatter of the installation goes to standard error then.
const status = installIfNeeded(ROOT, { chatterTo: word === 'dmls' || rest.includes('--json') ? 'stderr' : 'stdout' })
if (status !== 0) refuse('dmls could not install its dependencies; the lines above say why.')

const node = nodeToRun(ROOT)
if (node === undefined) {
  refuse(`dmls needs Node ${NODE_TO_RUN_MIN} or newer: the one in node_modules does not run here.`)
}
runAndExit(node, [...TARGETS[/** @type {keyof typeof TARGETS} */ (word)], ...rest], {
  cwd: ROOT,
  pathFirst: [dirname(node), join(ROOT, 'node_modules/.bin')],
})
