/** What the fuzzer found in a group of the decentralized profile, each as a story. */
import { utf8 } from '@dmls/crypto'
import { DEFAULT_GROUP_POLICY, DMLS_POLICY_EXTENSION, type GroupPolicy, policyExtension } from '@dmls/dmls'
import type { Extension, Proposal } from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import { type Actor, fingerprint } from '../scenarios/actor.ts'
import { forgeCommit } from '../scenarios/forge.ts'
import { actors, groupOf } from '../scenarios/story.ts'

async function two(): Promise<[Actor, Actor]> {
  const people = (await actors(['alice', 'mallory'])) as [Actor, Actor]
  await groupOf(people)
  return people
}

/** Alice refuses mallory's commit, stays as she was, and can commit. */
async function refusal(proposals: readonly Proposal[]): Promise<string | undefined> {
  const [alice, mallory] = await two()
  const before = fingerprint(alice.state)
  const [outcome] = await alice.receive((await forgeCommit(mallory, { proposals })).wire)
  expect(fingerprint(alice.state)).toBe(before)
  expect(await mallory.receive((await alice.commit()).wire)).toEqual(['commit'])
  return outcome
}

function settings(...extensions: readonly Extension[]): Proposal[] {
  return [{ proposalType: 'group_context_extensions', extensions }]
}

function policy(changes: Partial<GroupPolicy>): Extension {
  return policyExtension({ ...DEFAULT_GROUP_POLICY, ...changes })
}

describe('a commit that would end the group for everybody is refused', () => {
  test.each([
    ['nothing', new Uint8Array(0)],
    ['another version', new Uint8Array([9])],
    ['bytes', utf8('policy')],
  ])('when the policy that it brings is %s', async (_name, extensionData) => {
    const unreadable = { extensionType: DMLS_POLICY_EXTENSION, extensionData }
    expect(await refusal(settings(unreadable))).toBe('refused: unsupported_policy')
  })

  test('when it leaves the rights to an application that is not there', async () => {
    expect(await refusal(settings(policy({ admin: { kind: 'application' } })))).toBe('refused: unsupported_policy')
  })

  test('when it changes the fork choice, which the other branches would not follow', async () => {
    expect(await refusal(settings(policy({ forkChoice: { kind: 'draft' } })))).toBe('refused: fork_choice_changed')
  })

  test('when it reinitialises the group', async () => {
    const reinit: Proposal = {
      proposalType: 'reinit',
      groupId: utf8('next'),
      version: 1,
      cipherSuite: 1,
      extensions: [],
    }
    expect(await refusal([reinit])).toBe('refused: reinit_refused')
  })
})

test('other settings are changed as before', async () => {
  const [alice, mallory] = await two()
  const proposals = settings(policy({ externalCommits: 'allowed' }))
  expect(await alice.receive((await forgeCommit(mallory, { proposals })).wire)).toEqual(['commit'])
})
