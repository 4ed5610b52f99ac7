/**
 * Holds the tables of `docs/forward-secrecy.md` to the sources: every field of a state that holds a secret and every kind
 * of record has its place in them, and every test that they name is there.
 */
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '../..')

function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}

const doc = read('docs/forward-secrecy.md')

/** The rows of the table whose first column is headed so, each as its cells. */
function tableOf(heading: string): readonly (readonly string[])[] {
  const lines = doc.split('\n')
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} |`))
  const rows = lines.slice(start + 2)
  const end = rows.findIndex((line) => !line.startsWith('|'))
  return rows.slice(0, end).map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  )
}

/** What stands in backticks. */
function namesIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)
}

/** Fields of an interface, and whether the comment before each calls it secret. */
function fieldsOf(source: string, name: string): ReadonlyMap<string, boolean> {
  const [, body = ''] = new RegExp(`interface ${name} \\{\\n([\\s\\S]*?)\\n\\}`).exec(source) ?? []
  return new Map(
    [...body.matchAll(/(\/\*\*(?:[^*]|\*(?!\/))*\*\/\s*)?readonly (\w+)\??:/g)].map(
      ([, comment = '', field = '']) => [field, /\bSecret\b/.test(comment)] as const,
    ),
  )
}

/** Fields of a group's state that tell nothing. A new one belongs here, or says that it is secret and into the table. */
const PUBLIC_FIELDS = [
  'profile',
  'suite',
  'context',
  'contextBytes',
  'epochId',
  'tree',
  'ownLeaf',
  'interimTranscriptHash',
  'confirmationTag',
  'proposals',
  'ownCommits',
  'reinit',
]

const secrets = tableOf('secret')
const places = namesIn(secrets.map(([, , place = '']) => place).join(' '))
const named = namesIn(secrets.map(([secret = '']) => secret).join(' '))

test('every secret field of a group state is in the table, and every other one is known to be public', () => {
  const fields = fieldsOf(read('packages/mls/src/group/state.ts'), 'GroupState')
  expect(fields.size).toBeGreaterThan(15)
  expect([...fields].filter(([, isSecret]) => !isSecret).map(([field]) => field)).toEqual(PUBLIC_FIELDS)
  const inTable = new Set(places.filter((name) => name.startsWith('GroupState.')))
  const inState = [...fields].filter(([, isSecret]) => isSecret).map(([field]) => `GroupState.${field}`)
  expect([...inTable].sort()).toEqual(inState.sort())
})

test('every secret of an epoch is in the table by its name in the RFC', () => {
  const fields = [...fieldsOf(read('packages/mls/src/schedule/key-schedule.ts'), 'EpochSecrets').keys()]
  expect(fields).toHaveLength(8)
  for (const field of fields) expect(named).toContain(field.replace(/[A-Z]/g, (capital) => `_${capital.toLowerCase()}`))
})

test('every private key of a key package is in the table', () => {
  const bundle = [...fieldsOf(read('packages/mls/src/group/options.ts'), 'KeyPackageBundle').keys()]
  const own = [...fieldsOf(read('packages/client/src/key-packages.ts'), 'OwnKeyPackage').keys()]
  expect(bundle).toEqual(['keyPackage', 'reference', 'initPrivateKey', 'encryptionPrivateKey'])
  expect(own).toEqual(['bundle', 'signingKey', 'use', 'groupId', 'entered'])
  for (const field of ['initPrivateKey', 'encryptionPrivateKey', 'signingKey']) expect(named).toContain(field)
})

test('every kind of record is said to be secret or not', () => {
  const layout = read('packages/client/src/store-keys.ts')
  const [, union = ''] = /export type GroupRecord =\n([\s\S]*?)\n\n/.exec(layout) ?? []
  const kinds = [...union.matchAll(/^ {2}\| '(\w+)'/gm)].map(([, kind = '']) => kind)
  expect(kinds.length).toBeGreaterThan(10)
  const prefixes = [...layout.matchAll(/utf8\('(\w\/)'\)/g)].map(([, prefix = '']) => prefix)
  // records of groups stand for g/
  const expected = [...kinds, ...prefixes.filter((prefix) => prefix !== 'g/'), 'identity']
  const said = tableOf('record')
  expect(namesIn(said.map(([record = '']) => record).join(' ')).sort()).toEqual(expected.sort())
  const secret = new Set(
    said.filter(([, , verdict = '']) => verdict === 'yes').flatMap(([record = '']) => namesIn(record)),
  )
  const livedIn = places.filter((name) => expected.includes(name) && name !== 'inbox')
  expect(new Set(livedIn)).toEqual(secret)
})

test('every test that the table of secrets names is there', () => {
  const tests = secrets.flatMap(([, , , , cell = '']) => namesIn(cell))
  expect(tests.length).toBeGreaterThan(20)
  for (const name of new Set(tests)) {
    expect(name).toMatch(/\.test\.ts$/)
    expect(existsSync(join(ROOT, name.includes('/') ? name : `test/scenarios/${name}`)), name).toBe(true)
  }
})
