import { describe, expect, test } from 'vitest'
import { checkArrows } from '../../scripts/check-arrows.mjs'
import { type Files, ROOT, smallWorkspace } from './temporary.ts'

const json = (value: unknown): string => JSON.stringify(value)

describe('the arrows between the packages', () => {
  test('hold in this workspace', () => {
    expect(checkArrows(ROOT)).toEqual([])
  })

  test('hold in a small workspace without mistakes', () => {
    expect(checkArrows(smallWorkspace())).toEqual([])
  })

  test.each<readonly [what: string, source: string, reason: string]>([
    ['imports a later package', `import { name } from '@dmls/client'`, 'against the arrows'],
    ['imports a type of a later package', `import type { A } from '@dmls/client'`, 'against the arrows'],
    ['names a type of a later package', `export type A = import('@dmls/client').A`, 'against the arrows'],
    ['loads a later package', `export const a = import('@dmls/client')`, 'against the arrows'],
    ['passes on a later package', `export * from '@dmls/client'`, 'against the arrows'],
    ['passes on names of a later package', `export { name } from '@dmls/client'`, 'against the arrows'],
    ['reaches over the fence', `import { name } from '../../client/src/index.ts'`, 'leaves the sources of mls'],
    ['imports a test', `import { name } from '../test/names.ts'`, 'leaves the sources of mls'],
    ['imports a cryptographic library', `import { sha256 } from '@noble/hashes/sha2.js'`, 'only crypto imports'],
    ['imports the cryptography of Node', `import { createHash } from 'node:crypto'`, 'only crypto imports'],
    ['imports it by its old name', `import { createHash } from 'crypto'`, 'only crypto imports'],
    ['imports a module of Node', `import { readFileSync } from 'node:fs'`, `Node's alone`],
    ['imports it by its old name too', `import { readFileSync } from 'fs'`, `Node's alone`],
    ['imports what it does not declare', `import { level } from 'level'`, 'not among the dependencies'],
    ['imports something computed', 'export const a = (b: string) => import(b)', 'computed'],
    ['draws ambient randomness', 'export const a = Math.random()', 'randomness is passed in'],
  ])('are broken when mls %s', (_what, source, reason) => {
    const broken = checkArrows(smallWorkspace({ 'packages/mls/src/planted.ts': `\n${source}\n` }))
    expect(broken).toEqual([expect.stringContaining('packages/mls/src/planted.ts:2 ')])
    expect(broken[0]).toContain(reason)
  })

  test('are broken when a test of mls imports a later package', () => {
    const workspace = smallWorkspace({ 'packages/mls/test/planted.test.ts': `import '@dmls/client'\n` })
    expect(checkArrows(workspace)).toEqual([expect.stringContaining('against the arrows: mls may not import')])
  })

  test('let mls read certificates, crypto use Node, and tests compare with anything', () => {
    const files: Files = {
      'packages/mls/src/certificates.ts': `export { X509Certificate } from '@peculiar/x509'\n`,
      'packages/crypto/src/node.ts': `export { createHash } from 'node:crypto'\n`,
      'packages/crypto/src/noble.ts': `export { sha256 } from '@noble/hashes/sha2.js'\n`,
      'packages/mls/test/vectors.test.ts': `import 'node:fs'\nimport 'node:crypto'\nimport 'vitest'\nimport '@dmls/mls'\n`,
    }
    expect(checkArrows(smallWorkspace(files))).toEqual([])
  })

  test('do not take comments and strings for imports', () => {
    const source = `/** import { name } from '@dmls/client' */\nexport const text: string = "import 'node:fs'" // import 'fs'\n`
    expect(checkArrows(smallWorkspace({ 'packages/mls/src/planted.ts': source }))).toEqual([])
  })

  test('are not judged in a file that does not parse', () => {
    const workspace = smallWorkspace({ 'packages/mls/src/planted.ts': 'export const = 1\n' })
    expect(() => checkArrows(workspace)).toThrow(/planted\.ts/)
  })

  test('are broken by a dependency that a manifest declares', () => {
    const manifest = json({ name: '@dmls/crypto', dependencies: { '@dmls/mls': 'workspace:*' } })
    expect(checkArrows(smallWorkspace({ 'packages/crypto/package.json': manifest }))).toEqual(
      expect.arrayContaining([
        'packages/crypto/package.json against the arrows: it depends on @dmls/mls',
        'packages/crypto/tsconfig.json does not refer to packages/mls',
      ]),
    )
  })

  test('are broken by a project reference that no manifest knows', () => {
    const config = json({
      extends: '../../tsconfig.base.json',
      references: [{ path: '../crypto' }, { path: '../client' }],
    })
    expect(checkArrows(smallWorkspace({ 'packages/mls/tsconfig.json': config }))).toEqual([
      'packages/mls/tsconfig.json refers to packages/client without need',
    ])
  })

  test('are broken by a folder of tests that the root does not type-check', () => {
    const config = json({ files: [], references: [{ path: 'packages/mls' }] })
    expect(checkArrows(smallWorkspace({ 'tsconfig.json': config }))).toContain(
      'tsconfig.json does not refer to packages/mls/test',
    )
  })
})
