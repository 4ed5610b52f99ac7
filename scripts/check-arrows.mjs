/**
 * Checks the one-way dependency rule of the workspace: imports, manifests and project references.
 *
 *     node scripts/check-arrows.mjs [root]
 *
 * Prints one line for each break and ends with 1 if there is any.
 */
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { checkManifest, checkReferences, checkRootReferences, readManifest } from './arrows/manifests.mjs'
import { POLICIES } from './arrows/policy.mjs'
import { checkSources } from './arrows/sources.mjs'

/**
 * Returns one line for each break of the rule, in a stable order; none when all is well.
 *
 * @param {string} root folder of the workspace
 * @returns {string[]}
 */
export function checkArrows(root) {
  const present = Object.fromEntries(
    Object.entries(POLICIES).filter(([, { folder }]) => existsSync(join(root, folder, 'package.json'))),
  )
  const rootManifest = readManifest(join(root, 'package.json'))
  const broken = Object.entries(present).flatMap(([name, policy]) => {
    const manifest = readManifest(join(root, policy.folder, 'package.json'))
    return [
      ...checkManifest(policy, manifest),
      ...checkReferences(root, present, name, manifest),
      ...checkSources({ root, name, policy, manifest, rootManifest }),
    ]
  })
  return [...checkRootReferences(root, present), ...broken]
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const root = resolve(process.argv[2] ?? join(dirname(fileURLToPath(import.meta.url)), '..'))
  const broken = checkArrows(root)
  for (const line of broken) console.error(line)
  console.log(broken.length === 0 ? 'The arrows hold.' : `${broken.length} against the arrows.`)
  process.exitCode = broken.length === 0 ? 0 : 1
}
