/**
 * Holds each package.json against the arrows, and the project references of TypeScript against each package.json:
 * three pictures of one graph that must not drift apart.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'

/**
 * @typedef {Readonly<Record<string, string>>} Dependencies
 * @typedef {object} Manifest
 * @property {string} name
 * @property {Dependencies} [dependencies]
 * @property {Dependencies} [devDependencies]
 * @property {Dependencies} [peerDependencies]
 * @property {Dependencies} [optionalDependencies]
 * @typedef {import('./policy.mjs').Policy} Policy
 */

/**
 * @param {string} path
 * @returns {Manifest}
 */
export function readManifest(path) {
  return JSON.parse(readFileSync(path, 'utf8'))
}

/**
 * Returns one line for each dependency between packages that goes against the arrows.
 *
 * @param {Policy} policy
 * @param {Manifest} manifest
 * @returns {string[]}
 */
export function checkManifest(policy, manifest) {
  const { mayImport } = policy
  if (mayImport === 'everything') return []
  return workspaceDependencies(manifest)
    .filter((name) => !mayImport.includes(name))
    .map((name) => `${policy.folder}/package.json against the arrows: it depends on @dmls/${name}`)
}

/**
 * Returns one line for each tsconfig.json of a package whose references are not its dependencies. A folder of tests
 * refers to its package as well.
 *
 * @param {string} root
 * @param {Readonly<Record<string, Policy>>} policies
 * @param {string} name
 * @param {Manifest} manifest
 * @returns {string[]}
 */
export function checkReferences(root, policies, name, manifest) {
  const policy = /** @type {Policy} */ (policies[name])
  const dependencies = workspaceDependencies(manifest).map((dependency) => policies[dependency]?.folder ?? dependency)
  const broken = compareReferences(root, `${policy.folder}/tsconfig.json`, dependencies)
  const tests = `${policy.folder}/test`
  if (!existsSync(join(root, tests))) return broken
  return [...broken, ...compareReferences(root, `${tests}/tsconfig.json`, [policy.folder, ...dependencies])]
}

/**
 * Returns one line for each project that the root does not build.
 *
 * @param {string} root
 * @param {Readonly<Record<string, Policy>>} policies
 * @returns {string[]}
 */
export function checkRootReferences(root, policies) {
  const projects = Object.values(policies).flatMap(({ folder }) => {
    const tests = `${folder}/test`
    return existsSync(join(root, tests)) ? [folder, tests] : [folder]
  })
  return compareReferences(root, 'tsconfig.json', [...projects, 'tsconfig.tooling.json'])
}

/**
 * @param {string} root
 * @param {string} config
 * @param {readonly string[]} wanted folders relative to the root
 * @returns {string[]}
 */
function compareReferences(root, config, wanted) {
  if (!existsSync(join(root, config))) return [`${config} is missing`]
  /** @type {{ references?: readonly { path: string }[] }} */
  const { references = [] } = JSON.parse(readFileSync(join(root, config), 'utf8'))
  const found = references.map(({ path }) =>
    relative(root, resolve(root, dirname(config), path))
      .split(sep)
      .join('/'),
  )
  return [
    ...wanted.filter((path) => !found.includes(path)).map((path) => `${config} does not refer to ${path}`),
    ...found.filter((path) => !wanted.includes(path)).map((path) => `${config} refers to ${path} without need`),
  ]
}

/**
 * @param {Manifest} manifest
 * @returns {string[]} without the `@dmls/`
 */
function workspaceDependencies({ dependencies = {}, devDependencies = {} }) {
  return [...new Set([...Object.keys(dependencies), ...Object.keys(devDependencies)])]
    .filter((name) => name.startsWith('@dmls/'))
    .map((name) => name.replace('@dmls/', ''))
}
