/**
 * Installs the workspace's dependencies when they are missing or older than the lockfile, with the pnpm that
 * package.json pins: through corepack, or through npx where corepack is absent or fails.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { accessSync, constants, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** Longest wait for corepack to fetch pnpm before npx is tried instead. */
const COREPACK_TIMEOUT_MS = 120_000

/**
 * Returns 0 when everything is in place, and otherwise the exit status of the installation.
 *
 * @param {string} root folder of the workspace
 * @param {{ chatterTo: 'stdout' | 'stderr' }} options
 * @returns {number}
 */
export function installIfNeeded(root, { chatterTo }) {
  const stampPath = join(root, 'node_modules', '.dmls-installed')
  const wanted = fingerprint(root)
  if (existsSync(stampPath) && readFileSync(stampPath, 'utf8') === wanted) return 0

  const say = (/** @type {string} */ line) => process[chatterTo].write(`${line}\n`)
  say('Installing dependencies (once per lockfile) …')
  const env = environment(root)
  const spawnOptions = { cwd: root, env, shell: process.platform === 'win32' }
  const pnpm = usableCorepack(spawnOptions, say) ? ['corepack', 'pnpm'] : ['npx', '--yes', `pnpm@${pinnedPnpm(root)}`]
  const [program = '', ...before] = pnpm
  const { status } = spawnSync(
    program,
    [...before, 'install', '--frozen-lockfile', '--reporter=append-only', '--loglevel=info'],
    { ...spawnOptions, stdio: ['ignore', chatterTo === 'stdout' ? 'inherit' : 2, 'inherit'] },
  )
  if (status === 0) writeFileSync(stampPath, wanted)
  return status ?? 1
}

/**
 * What an installation depends on. A change of any of it asks for a new one.
 *
 * @param {string} root
 */
function fingerprint(root) {
  const hash = createHash('sha256').update(`${process.platform}-${process.arch}\n`)
  for (const file of ['pnpm-lock.yaml', 'pnpm-workspace.yaml', 'package.json']) {
    hash.update(readFileSync(join(root, file)))
  }
  return hash.digest('hex')
}

/**
 * The version in `packageManager`, without its hash.
 *
 * @param {string} root
 * @returns {string}
 */
function pinnedPnpm(root) {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return packageManager.replace(/^pnpm@/, '').replace(/\+.*$/, '')
}

/**
 * Whether corepack is there and gets hold of the pinned pnpm.
 *
 * @param {import('node:child_process').SpawnSyncOptions} spawnOptions
 * @param {(line: string) => void} say
 */
function usableCorepack(spawnOptions, say) {
  const probe = spawnSync('corepack', ['pnpm', '--version'], {
    ...spawnOptions,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
    timeout: COREPACK_TIMEOUT_MS,
  })
  if (probe.status === 0) return true
  const reason = /^.*Error:.*$/m.exec(String(probe.stderr ?? ''))?.[0].trim()
  say(`corepack is not usable${reason === undefined ? '' : ` (${reason})`}: using npx.`)
  return false
}

/**
 * The environment of the installation: nobody is there to answer a question, and a home folder that cannot be written
 * to is not a reason to fail.
 *
 * @param {string} root
 * @returns {NodeJS.ProcessEnv}
 */
function environment(root) {
  /** @type {NodeJS.ProcessEnv} */
  const env = { ...process.env, CI: 'true', COREPACK_ENABLE_DOWNLOAD_PROMPT: '0' }
  // npm hands its registry to its scripts; corepack does not read npm's settings.
  const registry = process.env.npm_config_registry
  if (registry !== undefined) env.COREPACK_NPM_REGISTRY ??= registry
  if (isWritable(homedir())) return env
  const caches = join(root, 'node_modules', '.cache')
  return {
    ...env,
    COREPACK_HOME: join(caches, 'corepack'),
    npm_config_cache: join(caches, 'npm'),
    XDG_CACHE_HOME: caches,
    XDG_DATA_HOME: join(caches, 'data'),
    XDG_STATE_HOME: join(caches, 'state'),
  }
}

/** @param {string} folder */
function isWritable(folder) {
  try {
    accessSync(folder, constants.W_OK)
    return true
  } catch {
    return false
  }
}
