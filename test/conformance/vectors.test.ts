/**
 * Nothing of the vectors is left out: each file of the working group's is worked through by a test, and each that is about
 * a cipher suite by every provider; each file of Project Wycheproof's is tried on every provider. That they pass is
 * `pnpm conformance`: all entries, all suites, all providers.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { providers } from '../../packages/mls/test/suites.ts'
import { claimedBy } from '../../packages/mls/test/vectors.ts'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')
const TESTS = join(ROOT, 'packages/mls/test')
const FOLDER = process.env.MLS_VECTORS ?? join(ROOT, '../shared/vectors/mls')
const WYCHEPROOF = process.env.WYCHEPROOF_VECTORS ?? join(ROOT, '../shared/vectors/wycheproof')
const names = filesIn(FOLDER).map((file) => file.slice(0, -5))

function filesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.json')) : []
}

const testFiles = readdirSync(TESTS, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.ts'))
  .map((file) => readFileSync(join(TESTS, file), 'utf8'))

/** Tests that name a vector file. */
function testsOf(name: string): readonly string[] {
  return testFiles.filter((text) => new RegExp(`vectorTest[^]{0,900}?'mls',\\s*'${name}'`).test(text))
}

const isAboutSuites = (name: string): boolean =>
  readFileSync(join(FOLDER, `${name}.json`), 'utf8').includes('"cipher_suite"')

test.skipIf(names.length === 0)('every file of vectors has a test', () => {
  expect(names.filter((name) => testsOf(name).length === 0)).toEqual([])
})

test.skipIf(names.length === 0)('every file that is about cipher suites is worked through by every provider', () => {
  expect(providers.map(({ name }) => name)).toEqual(['node', 'noble', 'webcrypto'])
  const alone = names
    .filter(isAboutSuites)
    .filter((name) => !testsOf(name).some((text) => text.includes('for (const provider of providers)')))
  expect(alone).toEqual([])
})

/** What no cipher suite of RFC 9420 §17.1 has. */
const NOT_IN_MLS = ['mlkem_768_test.json', 'mlkem_1024_test.json']

test.skipIf(filesIn(WYCHEPROOF).length === 0)('every file of Project Wycheproof is tried on every provider', () => {
  const text = readFileSync(join(ROOT, 'packages/crypto/test/wycheproof.test.ts'), 'utf8')
  expect(text).toContain('.each(PROVIDERS)(`Wycheproof on $name')
  expect(filesIn(WYCHEPROOF).filter((file) => !NOT_IN_MLS.includes(file) && !text.includes(`'${file}'`))).toEqual([])
})

test('a provider works through the entries of the suites that it claims, and there must be some for each', () => {
  const vectors = [1, 1, 1, 2, 3, 4, 5, 6, 7].map((cipher_suite, entry) => ({ cipher_suite, entry }))
  for (const provider of providers) {
    const claimed = new Set(claimedBy(provider, vectors).map(({ vector }) => vector.cipher_suite))
    expect(claimed).toEqual(new Set(provider.cipherSuites))
    expect(() => claimedBy(provider, vectors.slice(0, 3))).toThrow('no vector is for suite 2')
  }
})
