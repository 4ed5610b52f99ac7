/** Holds the imports of every source and test file of a package against its policy. */
import { readdirSync, readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { dirname, join, relative, resolve, sep } from 'node:path'
import { readImports } from './imports.mjs'
import { CRYPTOGRAPHY } from './policy.mjs'

/**
 * @typedef {import('./policy.mjs').Policy} Policy
 * @typedef {import('./manifests.mjs').Manifest} Manifest
 * @typedef {{ root: string, name: string, policy: Policy, manifest: Manifest, rootManifest: Manifest }} Package
 */

const CODE = /\.[cm]?[jt]s$/
const NOT_OURS = new Set(['node_modules', 'dist', 'coverage', 'fixtures'])

/**
 * Returns one line for each import that breaks a rule.
 *
 * @param {Package} pack
 * @returns {string[]}
 */
export function checkSources(pack) {
  const folder = join(pack.root, pack.policy.folder)
  return codeFiles(folder).flatMap((file) => {
    const isTest = !file.startsWith(join(folder, 'src') + sep)
    const { imports, randomLines } = readImports(file, readFileSync(file, 'utf8'))
    const at = relative(pack.root, file).split(sep).join('/')
    const broken = imports.flatMap(({ specifier, line }) => {
      const reason = isTest ? breaksInTest(pack, file, specifier) : breaksInSource(pack, file, specifier)
      return reason === undefined ? [] : [`${at}:${line} ${reason}`]
    })
    if (isTest || !pack.policy.isPure) return broken
    return [...broken, ...randomLines.map((line) => `${at}:${line} randomness is passed in; this is Math.random`)]
  })
}

/**
 * @param {string} folder
 * @returns {string[]}
 */
function codeFiles(folder) {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory()) return NOT_OURS.has(entry.name) ? [] : codeFiles(path)
    return entry.isFile() && CODE.test(entry.name) ? [path] : []
  })
}

/**
 * Why a source file may not import this, if it may not.
 *
 * @param {Package} pack
 * @param {string} file
 * @param {string | undefined} specifier
 * @returns {string | undefined}
 */
function breaksInSource({ root, name, policy, manifest }, file, specifier) {
  if (specifier === undefined) {
    return policy.isPure ? `${name} imports only what can be read here; this is computed` : undefined
  }
  if (specifier.startsWith('.')) {
    const home = join(root, policy.folder, 'src') + sep
    return resolve(dirname(file), specifier).startsWith(home)
      ? undefined
      : `'${specifier}' leaves the sources of ${name}`
  }
  const dependency = packageOf(specifier)
  if (dependency.startsWith('@dmls/')) {
    return mayImport(policy, dependency) || dependency === manifest.name
      ? undeclared(dependency, manifest)
      : `against the arrows: ${name} may not import ${dependency}`
  }
  if (CRYPTOGRAPHY.test(specifier) && policy.cryptography !== 'any' && !policy.cryptography.includes(dependency)) {
    return `only crypto imports cryptography; this is '${specifier}'`
  }
  if (!isBuiltin(specifier)) return undeclared(dependency, manifest)
  const module = specifier.startsWith('node:') ? specifier : `node:${specifier}`
  return policy.nodeModules === 'any' || policy.nodeModules.includes(module)
    ? undefined
    : `${name} runs everywhere; '${specifier}' is Node's alone`
}

/**
 * Why a test may not import this, if it may not: tests read files and compare with other implementations, but the
 * arrows hold for them too.
 *
 * @param {Package} pack
 * @param {string} file
 * @param {string | undefined} specifier
 * @returns {string | undefined}
 */
function breaksInTest({ root, name, policy, manifest, rootManifest }, file, specifier) {
  if (specifier === undefined || isBuiltin(specifier)) return undefined
  if (specifier.startsWith('.')) {
    const home = policy.mayImport === 'everything' ? root : join(root, policy.folder)
    return resolve(dirname(file), specifier).startsWith(home + sep) ? undefined : `'${specifier}' leaves ${name}`
  }
  const dependency = packageOf(specifier)
  if (dependency.startsWith('@dmls/') && dependency !== manifest.name && !mayImport(policy, dependency)) {
    return `against the arrows: ${name} may not import ${dependency}`
  }
  return declares(rootManifest, dependency) ? undefined : undeclared(dependency, manifest)
}

/**
 * @param {Policy} policy
 * @param {string} dependency
 */
function mayImport(policy, dependency) {
  return policy.mayImport === 'everything' || policy.mayImport.includes(dependency.replace('@dmls/', ''))
}

/**
 * @param {string} dependency
 * @param {Manifest} manifest
 */
function undeclared(dependency, manifest) {
  if (dependency === manifest.name || declares(manifest, dependency)) return undefined
  return `${dependency} is not among the dependencies of ${manifest.name}`
}

/**
 * @param {Manifest} manifest
 * @param {string} dependency
 */
function declares({ dependencies, devDependencies, peerDependencies, optionalDependencies }, dependency) {
  return [dependencies, devDependencies, peerDependencies, optionalDependencies].some(
    (group) => group !== undefined && Object.hasOwn(group, dependency),
  )
}

/**
 * The package behind a specifier, without the entry point below it.
 *
 * @param {string} specifier
 */
function packageOf(specifier) {
  const parts = specifier.split('/')
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}
