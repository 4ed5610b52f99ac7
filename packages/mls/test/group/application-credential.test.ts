import { fromUtf8, utf8 } from '@dmls/crypto'
import { expect, test } from 'vitest'
import {
  type Authenticate,
  type Credential,
  createCommit,
  epochAuthenticator,
  requiredCapabilitiesExtension,
} from '../../src/index.ts'
import { codeOf, follow, groupOf, join, keyPackageOf, newSigner, type Person, person, receive } from './people.ts'

/** A type of private use (RFC 9420 §17.5) whose content is a name and a number: names stay, numbers grow. */
const TYPE = 0xf0ca

function numbered(name: string, number: number): Credential {
  return { credentialType: 'other', type: TYPE, content: utf8(`${name} ${number}`) }
}

function read(credential: Credential): { readonly name: string; readonly number: number } {
  if (credential.credentialType !== 'other' || credential.type !== TYPE) throw new Error('not one of ours')
  const [name = '', number] = fromUtf8(credential.content).split(' ')
  return { name, number: Number(number) }
}

/** The application's Authentication Service, and whom it was asked about. */
function service(asked: string[]): Authenticate {
  return async ({ occasion, credential, previous }) => {
    const { name, number } = read(credential)
    asked.push(`${occasion} ${name} ${number}`)
    if (name === 'mallory') throw new Error('nobody knows mallory')
    if (previous === undefined) return
    const before = read(previous.credential)
    if (before.name !== name || before.number >= number) throw new Error('not a successor')
  }
}

test('alice and bob have credentials that their application defines and judges', async () => {
  const asked: string[] = []
  const known = async (name: string): Promise<Person> => {
    const someone = await person(name)
    return { ...someone, services: { ...someone.services, authenticate: service(asked) } }
  }
  const [alice, bob, mallory] = [await known('alice'), await known('bob'), await known('mallory')]
  const required = { extensionTypes: [], proposalTypes: [], credentialTypes: [TYPE] }
  const group = await groupOf(alice, {
    extensions: [requiredCapabilitiesExtension(required)],
    leaf: { credential: numbered('alice', 1) },
  })
  const adding = async (whom: Person) => {
    const bundle = await keyPackageOf(whom, { credential: numbered(whom.name, 1) })
    const proposals = [{ proposalType: 'add', keyPackage: bundle.keyPackage }] as const
    return { bundle, made: createCommit(group, { signer: alice.signer, proposals }, alice.services) }
  }
  expect(await codeOf((await adding(mallory)).made)).toBe('refused_by_application')
  const { bundle, made } = await adding(bob)
  const added = await made
  const b = await join(bob, added.welcome, bundle)
  expect(asked).toEqual(expect.arrayContaining(['add mallory 1', 'add bob 1', 'tree alice 1', 'tree bob 1']))

  const signer = await newSigner(bob)
  const renewing = (name: string, number: number) =>
    createCommit(b, { signer: bob.signer, leaf: { signer, credential: numbered(name, number) } }, bob.services)
  expect(await codeOf(renewing('alice', 2))).toBe('refused_by_application')
  const renewed = await renewing('bob', 2)
  const a = await follow(alice, added.child, renewed.message)
  expect(epochAuthenticator(a)).toEqual(epochAuthenticator(renewed.child))
  expect(asked.at(-1)).toBe('commit bob 2')
  const back = await createCommit(
    renewed.child,
    { signer, leaf: { credential: numbered('bob', 1) } },
    { ...bob.services, authenticate: async () => undefined },
  )
  expect(await codeOf(receive(alice, a, back.message))).toBe('refused_by_application')
})
