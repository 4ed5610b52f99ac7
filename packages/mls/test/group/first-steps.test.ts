import { utf8 } from '@dmls/crypto'
import { expect, test } from 'vitest'
import { createCommit, epochAuthenticator, protectApplication } from '../../src/index.ts'
import { suites } from '../suites.ts'
import { follow, groupOf, join, keyPackageOf, person, receive } from './people.ts'

for (const suite of suites) {
  test(`alice adds bob and charlie, and all of them talk (${suite.name})`, async () => {
    const [alice, bob, charlie] = await Promise.all(['alice', 'bob', 'charlie'].map((name) => person(name, { suite })))
    if (alice === undefined || bob === undefined || charlie === undefined) throw new Error('nobody is here')
    let a = await groupOf(alice)
    const bobs = await keyPackageOf(bob)
    const adding = await createCommit(
      a,
      { signer: alice.signer, proposals: [{ proposalType: 'add', keyPackage: bobs.keyPackage }] },
      alice.services,
    )
    a = adding.child
    let b = await join(bob, adding.welcome, bobs)
    expect(epochAuthenticator(b)).toEqual(epochAuthenticator(a))
    const charlies = await keyPackageOf(charlie)
    const addingMore = await createCommit(
      b,
      { signer: bob.signer, proposals: [{ proposalType: 'add', keyPackage: charlies.keyPackage }] },
      bob.services,
    )
    a = await follow(alice, a, addingMore.message)
    b = addingMore.child
    const c = await join(charlie, addingMore.welcome, charlies)
    expect(epochAuthenticator(a)).toEqual(epochAuthenticator(b))
    expect(epochAuthenticator(c)).toEqual(epochAuthenticator(b))
    const sent = await protectApplication(c, utf8('hello'), { signer: charlie.signer }, charlie.services)
    const received = await receive(alice, a, sent.message)
    expect(received).toMatchObject({ kind: 'application', sender: 2, applicationData: utf8('hello') })
  })
}
