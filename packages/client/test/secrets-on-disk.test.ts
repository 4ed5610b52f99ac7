/** Looks into the records of a member's disk that `docs/forward-secrecy.md` says hold no secret, and into the others. */
import { readFileSync } from 'node:fs'
import { toHex, utf8 } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { createDmlsProfile } from '@dmls/dmls'
import { afterEach, expect, test } from 'vitest'
import { GroupRecords } from '../src/group/group-records.ts'
import { type GroupRecord, groupRecordPrefix, KEY_PACKAGE_PREFIX } from '../src/store-keys.ts'
import { carry, createHandPerson, type HandPerson, handPair, onlyGroup, say, told } from './by-hand.ts'

const open: HandPerson[] = []

afterEach(() => told(...open.splice(0)))

/** Names of records by what the document says of them. */
function recordsThatSay(verdict: RegExp): string[] {
  const [, table = ''] =
    /\n\| record \|.*\n.*\n((?:\|.*\n)+)/.exec(
      readFileSync(new URL('../../../docs/forward-secrecy.md', import.meta.url), 'utf8'),
    ) ?? []
  const rows = table.trim().split('\n')
  const said = rows.filter((row) => verdict.test(row.split('|')[3] ?? ''))
  return said.flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
}

/** All values under one record's name, as one hexadecimal text. */
async function valuesOf({ store }: HandPerson, groupId: Uint8Array, record: string): Promise<string> {
  const isOfClient = record.includes('/') || record === 'identity'
  const prefix = isOfClient ? utf8(record) : groupRecordPrefix(groupId, record as GroupRecord)
  let all = ''
  for await (const [, value] of store.entries({ prefix })) all += `${toHex(value)} `
  return all
}

/** The keys that a member holds, hexadecimal: of its epochs, its key packages, its signatures. */
async function keysOf({ store }: HandPerson, groupId: Uint8Array): Promise<readonly string[]> {
  const suite = nodeProvider.cipherSuite(1)
  const { group } = await GroupRecords.load(store, groupId, suite, createDmlsProfile())
  const epochs = [...group.state.epochs.values()].flatMap(({ group: epoch }) => [
    ...Object.values(epoch.secrets),
    ...epoch.keys.values(),
  ])
  const identity = await store.get(utf8('identity'))
  if (identity === undefined) throw new Error('the identity is kept elsewhere')
  return [...epochs, ...group.signingKeys.map(({ privateKey }) => privateKey), identity].map(toHex)
}

test('a record that is said to hold no secret holds none, and one that is said to hold some does', async () => {
  const [alice, bob] = await handPair()
  const carol = await createHandPerson()
  open.push(alice, bob, carol)
  await onlyGroup(bob).update()
  await carry(bob, alice)
  await alice.client.createKeyPackage()
  await onlyGroup(alice).add([await carol.client.createKeyPackage()])
  await carry(alice, bob)
  await say(bob, 'hello')
  await carry(bob, alice)

  const { id } = onlyGroup(alice)
  const keys = await keysOf(alice, id)
  expect(keys.length).toBeGreaterThan(20)
  const silent = recordsThatSay(/^ no/)
  for (const each of ['fact', 'node', 'keyPackage', 't/', 'v/', 'o/']) {
    expect(silent).toContain(each)
    expect(await valuesOf(alice, id, each)).not.toBe('')
  }
  for (const record of silent) {
    const values = await valuesOf(alice, id, record)
    expect(
      keys.filter((key) => values.includes(key)),
      record,
    ).toEqual([])
  }
  // the search finds what is there
  for (const record of ['meta', 'epoch', 'identity']) {
    expect(recordsThatSay(/^ yes/)).toContain(record)
    const values = await valuesOf(alice, id, record)
    expect(keys.some((key) => values.includes(key))).toBe(true)
  }
  expect(recordsThatSay(/^ yes/)).toContain(new TextDecoder().decode(KEY_PACKAGE_PREFIX))
})
