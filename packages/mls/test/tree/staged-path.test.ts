import { type Signer, systemRandom, utf8 } from '@dmls/crypto'
import { expect, test } from 'vitest'
import { RatchetTree } from '../../src/tree/ratchet-tree.ts'
import { stageUpdatePath } from '../../src/tree/staged-path.ts'
import { lingering, recording } from '../recording-suite.ts'
import { suite } from '../suites.ts'
import { fakeLeaf } from './people.ts'

test('a path whose leaf the signer refuses to sign leaves no secret behind', async () => {
  const watched = recording(suite)
  const signer: Signer = {
    publicKey: new Uint8Array(32).fill(7),
    sign: () => Promise.reject(new Error('the keychain is locked')),
  }
  const tree = RatchetTree.empty(watched).addLeaves(Array.from({ length: 5 }, () => fakeLeaf())).tree
  const { credential, capabilities, extensions } = fakeLeaf()
  const leaf = { signatureKey: signer.publicKey, credential, capabilities, extensions }
  const options = { groupId: utf8('group'), signer, random: systemRandom, leaf }
  await expect(stageUpdatePath(watched, tree, 2, options)).rejects.toThrow('the keychain is locked')
  expect(watched.handedOut.length).toBeGreaterThan(0)
  expect(lingering(watched, [])).toEqual([])
})
