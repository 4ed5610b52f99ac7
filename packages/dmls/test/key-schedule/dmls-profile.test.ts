import { concatBytes, fromHex, toHex } from '@dmls/crypto'
import { decodeWhole, type FramedContent, type GroupContext, type InitKey, Writer } from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import {
  createDmlsProfile,
  deriveCommitConfirmation,
  deriveDmlsEpoch,
  deriveParentInitSecret,
  derivePprfInput,
} from '../../src/key-schedule/dmls-profile.ts'
import { encodeExternalAuthenticatedData } from '../../src/message/authenticated-data.ts'
import { DEFAULT_GROUP_POLICY, DMLS_POLICY_EXTENSION, encodeGroupPolicy } from '../../src/message/group-policy.ts'
import { providers, SUITE_OF_HASH, suite } from '../suites.ts'
import { vectorTest } from '../vectors.ts'

interface ScheduleVector {
  readonly hash: string
  readonly key_schedule: Readonly<
    Record<
      | 'epoch_secret'
      | 'dmls_epoch'
      | 'parent_init_secret'
      | 'path_secret_root'
      | 'commit_confirmation'
      | 'child_group_context'
      | 'pprf_input'
      | 'init_secret',
      string
    >
  >
}

const profile = createDmlsProfile()

function context(extensions: GroupContext['extensions'] = []): GroupContext {
  return {
    version: 1,
    cipherSuite: 1,
    groupId: new Uint8Array([1]),
    epoch: 3n,
    treeHash: new Uint8Array(32),
    confirmedTranscriptHash: new Uint8Array(32),
    extensions,
  }
}

for (const provider of providers) {
  vectorTest<ScheduleVector>('dmls', 'dmls-key-schedule', `${provider.name}: published key schedules`, (vectors) => {
    expect(vectors.length).toBe(3)
    for (const { hash, key_schedule: expected } of vectors) {
      const own = provider.cipherSuite(SUITE_OF_HASH[hash] as number)
      const epochSecret = fromHex(expected.epoch_secret)
      expect(toHex(deriveDmlsEpoch(own, epochSecret))).toBe(expected.dmls_epoch)
      expect(toHex(deriveParentInitSecret(own, epochSecret))).toBe(expected.parent_init_secret)
      const path = { lastPathSecret: fromHex(expected.path_secret_root), commitSecret: new Uint8Array(own.hashSize) }
      const confirmation = deriveCommitConfirmation(own, path)
      expect(toHex(confirmation)).toBe(expected.commit_confirmation)
      const childGroupContext = fromHex(expected.child_group_context)
      expect(toHex(derivePprfInput(own, confirmation, childGroupContext))).toBe(expected.pprf_input)
      // and the profile, which the state machine sees, comes to the same
      const { initKey, epochId } = profile.openEpoch(own, epochSecret, context())
      expect(toHex(epochId)).toBe(expected.dmls_epoch)
      expect(toHex(initKey.evaluate({ ...path, childGroupContext }).initSecret)).toBe(expected.init_secret)
    }
  })
}

const commit = {
  commitSecret: new Uint8Array(32).fill(1),
  lastPathSecret: new Uint8Array(32).fill(2),
  childGroupContext: new Uint8Array(40).fill(3),
}

function open(): InitKey {
  return profile.openEpoch(suite, new Uint8Array(32).fill(5), context()).initKey
}

describe('the init key of an epoch', () => {
  test('starts each child once: a replayed commit finds its parent punctured and leaves it so', () => {
    const first = open().evaluate(commit)
    expect(() => first.next.evaluate(commit)).toThrow(
      expect.objectContaining({ blame: 'invalid', code: 'pprf_punctured' }),
    )
    const sibling = { ...commit, childGroupContext: new Uint8Array(40).fill(4) }
    expect(first.next.evaluate(sibling).initSecret).toEqual(open().evaluate(sibling).initSecret)
    expect(first.next.evaluate(sibling).initSecret).not.toEqual(first.initSecret)
  })

  test('stays punctured when it is stored and loaded', () => {
    const writer = new Writer()
    const { next } = open().evaluate(commit)
    next.encode(writer)
    const loaded = decodeWhole(writer.finish(), (reader) => profile.decodeInitKey(suite, reader))
    expect(() => loaded.evaluate(commit)).toThrow(expect.objectContaining({ code: 'pprf_punctured' }))
    const other = { ...commit, lastPathSecret: new Uint8Array(32).fill(9) }
    expect(loaded.evaluate(other).initSecret).toEqual(open().evaluate(other).initSecret)
  })

  test('of a group of one takes the commit_secret where there is no path secret', () => {
    const alone = { ...commit, lastPathSecret: undefined }
    expect(open().evaluate(alone).initSecret).toEqual(
      open().evaluate({ ...commit, lastPathSecret: commit.commitSecret }).initSecret,
    )
    expect(open().evaluate(alone).initSecret).not.toEqual(open().evaluate(commit).initSecret)
  })

  test('is of no use after it was wiped', () => {
    const key = open()
    key.wipe()
    expect(key.evaluate(commit).initSecret).not.toEqual(open().evaluate(commit).initSecret)
  })
})

test('every commit of the profile carries a path, and epochs are named by their secrets', () => {
  expect([profile.name, profile.pathRequired]).toEqual(['dmls', true])
  const one = profile.openEpoch(suite, new Uint8Array(32).fill(1), context())
  const two = profile.openEpoch(suite, new Uint8Array(32).fill(2), context())
  expect(one.epochId.length).toBe(32)
  expect(one.epochId).not.toEqual(two.epochId)
})

describe('content from outside the group (scenario 4)', () => {
  const epochId = new Uint8Array(32).fill(0xaa)
  const data = { counter: 1n, resolves: [], application: new Uint8Array([1, 2]) }

  function content(sender: FramedContent['sender'], authenticatedData: Uint8Array): FramedContent {
    return {
      groupId: new Uint8Array([1]),
      epoch: 3n,
      sender,
      authenticatedData,
      content: { contentType: 'proposal', proposal: { proposalType: 'remove', removed: 1 } },
    }
  }

  for (const sender of [{ senderType: 'external', senderIndex: 0 }, { senderType: 'new_member_proposal' }] as const) {
    test(`of type ${sender.senderType} is accepted only when it starts with the dmls_epoch`, () => {
      const bound = content(sender, encodeExternalAuthenticatedData(epochId, data))
      expect(() => profile.checkContent(bound, context(), epochId)).not.toThrow()
      const elsewhere = new Uint8Array(32).fill(0xab)
      for (const authenticatedData of [
        new Uint8Array(0),
        epochId.slice(1),
        encodeExternalAuthenticatedData(elsewhere, data),
        concatBytes(new Uint8Array(1), epochId),
      ]) {
        expect(() => profile.checkContent(content(sender, authenticatedData), context(), epochId)).toThrow(
          expect.objectContaining({ blame: 'invalid', code: 'unbound_external_message' }),
        )
      }
    })
  }

  test('of members needs no such prefix: their messages are bound to the GroupContext', () => {
    const own = content({ senderType: 'member', leafIndex: 0 }, new Uint8Array(0))
    expect(() => profile.checkContent(own, context(), epochId)).not.toThrow()
  })

  test('that is an external commit is refused unless the policy of the group allows it', () => {
    const external = content({ senderType: 'new_member_commit' }, new Uint8Array(0))
    const policy = (externalCommits: 'allowed' | 'refused'): GroupContext => {
      const extensionData = encodeGroupPolicy({ ...DEFAULT_GROUP_POLICY, externalCommits })
      return context([{ extensionType: DMLS_POLICY_EXTENSION, extensionData }])
    }
    for (const where of [context(), policy('refused')]) {
      expect(() => profile.checkContent(external, where, epochId)).toThrow(
        expect.objectContaining({ blame: 'invalid', code: 'external_commit_refused' }),
      )
    }
    expect(() => profile.checkContent(external, policy('allowed'), epochId)).not.toThrow()
  })
})
