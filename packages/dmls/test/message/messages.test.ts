import { type Extension, type MlsMessage, mlsMessageBytes, Writer } from '@dmls/mls'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeEpochFacts, encodeEpochFacts } from '../../src/dag/facts-codec.ts'
import { type DmlsEpoch, dmlsEpoch, type InstanceId, instanceId } from '../../src/dag/identifiers.ts'
import {
  type ApplicationContent,
  decodeApplicationContent,
  encodeApplicationContent,
} from '../../src/message/application-content.ts'
import {
  decodeAuthenticatedData,
  decodeExternalAuthenticatedData,
  encodeAuthenticatedData,
  encodeExternalAuthenticatedData,
} from '../../src/message/authenticated-data.ts'
import { decodeDmlsMessage, encodeDmlsMessage, messageId } from '../../src/message/dmls-message.ts'
import {
  DEFAULT_GROUP_POLICY,
  decodeGroupPolicy,
  decodeRosterExtension,
  encodeGroupPolicy,
  encodeRosterExtension,
  type GroupPolicy,
} from '../../src/message/group-policy.ts'
import type { RetentionPolicy, RetentionRule } from '../../src/retention/retention-policy.ts'
import { Story } from '../story.ts'
import { suite } from '../suites.ts'

const bytes = (size = 12): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: size })
const identifier = fc.uint8Array({ minLength: 1, maxLength: 64 })
const epoch: fc.Arbitrary<DmlsEpoch> = identifier.map(dmlsEpoch)
const instance: fc.Arbitrary<InstanceId> = identifier.map(instanceId)

function fault(blame: string, code?: string): unknown {
  return expect.objectContaining(code === undefined ? { blame } : { blame, code })
}

/** Whatever arrives, a decoder answers with a value or a typed error of the sender. */
function isStrict<T>(decode: (data: Uint8Array) => T, encode: (value: T) => Uint8Array): void {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (data) => {
      let value: T
      try {
        value = decode(data)
      } catch (error) {
        expect(error).toEqual(expect.objectContaining({ name: 'MlsError' }))
        expect(['malformed', 'invalid']).toContain((error as { readonly blame: string }).blame)
        return
      }
      expect(encode(value)).toEqual(data)
    }),
    { numRuns: 2000 },
  )
}

const privateMessage: MlsMessage = {
  wireFormat: 'mls_private_message',
  privateMessage: {
    groupId: new Uint8Array([1]),
    epoch: 4n,
    contentType: 'application',
    authenticatedData: new Uint8Array([2]),
    encryptedSenderData: new Uint8Array([3, 4]),
    ciphertext: new Uint8Array([5, 6, 7]),
  },
}

describe('a DMLSMessage', () => {
  test('says in which epoch to look, and carries the MLSMessage as it is', () => {
    const wire = encodeDmlsMessage({ message: privateMessage, dmlsEpoch: new Uint8Array(32).fill(9) })
    expect(decodeDmlsMessage(wire)).toEqual({ message: privateMessage, dmlsEpoch: new Uint8Array(32).fill(9) })
    expect(wire.subarray(0, -33)).toEqual(mlsMessageBytes(privateMessage))
  })

  test('has one identity under every hint (scenario 23)', () => {
    const inner = mlsMessageBytes(privateMessage)
    expect(messageId(suite, inner)).toEqual(suite.hash(inner))
    expect(messageId(suite, inner).length).toBe(32)
  })

  test('is refused with trailing bytes, a missing or oversized hint, or cut short', () => {
    const wire = encodeDmlsMessage({ message: privateMessage, dmlsEpoch: new Uint8Array(32) })
    expect(() => decodeDmlsMessage(new Uint8Array([...wire, 0]))).toThrow(fault('malformed', 'trailing_bytes'))
    for (let end = 0; end < wire.length; end++) {
      expect(() => decodeDmlsMessage(wire.slice(0, end))).toThrow(fault('malformed'))
    }
    for (const size of [0, 65]) {
      const hint = encodeDmlsMessage({ message: privateMessage, dmlsEpoch: new Uint8Array(size) })
      expect(() => decodeDmlsMessage(hint)).toThrow(fault('malformed', 'bad_dmls_epoch'))
    }
  })

  test('never wraps a Welcome', () => {
    const welcome: MlsMessage = {
      wireFormat: 'mls_welcome',
      welcome: { cipherSuite: 1, secrets: [], encryptedGroupInfo: new Uint8Array(0) },
    }
    expect(() => encodeDmlsMessage({ message: welcome, dmlsEpoch: new Uint8Array(32) })).toThrow(
      fault('usage', 'not_wrapped'),
    )
    const wire = new Writer().fixed(mlsMessageBytes(welcome)).opaque(new Uint8Array(32)).finish()
    expect(() => decodeDmlsMessage(wire)).toThrow(fault('malformed', 'not_wrapped'))
  })

  test('of random bytes is refused with a typed error', () => {
    isStrict(decodeDmlsMessage, encodeDmlsMessage)
  })
})

describe('authenticated data', () => {
  const resolves = fc.uniqueArray(fc.record({ head: epoch, forkPoint: epoch }), {
    selector: ({ head }) => head,
    maxLength: 4,
  })
  const data = fc.record({ counter: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), resolves, application: bytes() })

  test('comes back as it was, its heads in ascending order', () => {
    fc.assert(
      fc.property(data, (value) => {
        const sorted = [...value.resolves].sort((a, b) => (a.head < b.head ? -1 : 1))
        expect(decodeAuthenticatedData(encodeAuthenticatedData(value))).toEqual({ ...value, resolves: sorted })
      }),
    )
    isStrict(decodeAuthenticatedData, encodeAuthenticatedData)
  })

  test('is refused when a head stands twice or out of order, or the version is another', () => {
    const head = (byte: number): Uint8Array => new Uint8Array([byte])
    const write = (version: number, heads: readonly number[]): Uint8Array =>
      new Writer()
        .uint8(version)
        .uint64(1n)
        .vector(heads, (writer, byte) => writer.opaque(head(byte)).opaque(head(0)))
        .opaque(head(0))
        .finish()
    expect(decodeAuthenticatedData(write(1, [1, 2])).resolves.length).toBe(2)
    for (const heads of [
      [1, 1],
      [2, 1],
    ]) {
      expect(() => decodeAuthenticatedData(write(1, heads))).toThrow(fault('malformed', 'bad_resolved_heads'))
    }
    expect(() => decodeAuthenticatedData(write(2, []))).toThrow(fault('malformed', 'unsupported_authenticated_data'))
    const many = Array.from({ length: 1025 }, (_, i) => [i >> 8, i & 255])
    const flood = new Writer()
      .uint8(1)
      .uint64(1n)
      .vector(many, (writer, pair) => writer.opaque(new Uint8Array(pair)).opaque(head(0)))
      .opaque(head(0))
      .finish()
    expect(() => decodeAuthenticatedData(flood)).toThrow(fault('malformed', 'bad_resolved_heads'))
  })

  test('of a sender outside the group counts in the epoch that it names and in no other (scenario 4)', () => {
    const value = { counter: 1n, resolves: [], application: new Uint8Array([7]) }
    const here = new Uint8Array(32).fill(1)
    const wire = encodeExternalAuthenticatedData(here, value)
    expect(decodeExternalAuthenticatedData(here, wire)).toEqual(value)
    expect(() => decodeExternalAuthenticatedData(new Uint8Array(32), wire)).toThrow(
      fault('invalid', 'unbound_external_message'),
    )
  })
})

describe('application content', () => {
  const contents: readonly ApplicationContent[] = [
    { kind: 'application', data: new Uint8Array([1, 2, 3]) },
    { kind: 'application', data: new Uint8Array(0) },
    {
      kind: 'handover',
      resolvedBy: new Uint8Array(32).fill(1),
      forkPoint: new Uint8Array(32).fill(4),
      heads: [new Uint8Array(32).fill(2)],
      entrances: [new Uint8Array(32).fill(3)],
      gone: [new Uint8Array(32).fill(5)],
    },
    { kind: 'leave_request' },
    { kind: 'presence' },
  ]

  test('comes back as it was', () => {
    for (const content of contents) expect(decodeApplicationContent(encodeApplicationContent(content))).toEqual(content)
  })

  test('of a later version is unknown and no error (scenario 29)', () => {
    expect(decodeApplicationContent(new Uint8Array([77, 1, 2, 3]))).toEqual({ kind: 'unknown', type: 77 })
    expect(() => encodeApplicationContent({ kind: 'unknown', type: 77 })).toThrow(fault('usage', 'unknown_content'))
  })

  test('with trailing bytes is refused', () => {
    for (const content of contents) {
      const wire = new Uint8Array([...encodeApplicationContent(content), 0])
      expect(() => decodeApplicationContent(wire)).toThrow(fault('malformed', 'trailing_bytes'))
    }
  })
})

const { rule } = fc.letrec<{ rule: RetentionRule }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 2 },
    fc.constant<RetentionRule>({ kind: 'all-members' }),
    fc.record({
      kind: fc.constant('quorum' as const),
      numerator: fc.nat(),
      denominator: fc.integer({ min: 1 }),
    }),
    fc.record({ kind: fc.constant('depth' as const), epochs: fc.nat() }),
    fc.record({ kind: fc.constant('age' as const), ageMs: fc.maxSafeNat() }),
    fc.record({
      kind: fc.constantFrom('any' as const, 'all' as const),
      rules: fc.array(tie('rule'), { maxLength: 3 }),
    }),
  ),
}))

const policy: fc.Arbitrary<GroupPolicy> = fc.record({
  forkChoice: fc.oneof(
    fc.constant<GroupPolicy['forkChoice']>({ kind: 'support' }),
    fc.constant<GroupPolicy['forkChoice']>({ kind: 'draft' }),
    fc.record({
      kind: fc.constant('depth-witness' as const),
      boost: fc.nat(),
      quorum: fc.record({ numerator: fc.nat(), denominator: fc.nat() }),
      rewindMax: fc.nat(),
    }),
    fc.record({ kind: fc.constant('designated' as const), instances: fc.array(instance, { maxLength: 3 }) }),
  ),
  admin: fc.oneof(
    fc.constant<GroupPolicy['admin']>({ kind: 'anyone' }),
    fc.constant<GroupPolicy['admin']>({ kind: 'application' }),
    fc.record({
      kind: fc.constant('named' as const),
      instances: fc.array(instance, { maxLength: 3 }),
      identities: fc.array(instance, { maxLength: 3 }),
      invitations: fc.constantFrom('named' as const, 'anyone' as const),
    }),
  ),
  retention: fc.record({
    retained: rule,
    readable: rule,
    epochsMax: fc.integer({ min: 1 }),
    sizeMaxBytes: fc.maxSafeNat(),
  }),
  externalCommits: fc.constantFrom('refused' as const, 'allowed' as const),
})

describe('the policy of a group', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(policy, (value) => {
        expect(decodeGroupPolicy(encodeGroupPolicy(value))).toEqual(value)
      }),
    )
    expect(decodeGroupPolicy(encodeGroupPolicy(DEFAULT_GROUP_POLICY))).toEqual(DEFAULT_GROUP_POLICY)
    isStrict(decodeGroupPolicy, encodeGroupPolicy)
  })

  test('of a later version is refused, never guessed at (scenario 29)', () => {
    const wire = encodeGroupPolicy(DEFAULT_GROUP_POLICY)
    // version, fork choice, admin, rule kinds and the last choice
    for (const [at, value] of [
      [0, 2],
      [1, 9],
      [2, 9],
      [3, 9],
      [wire.length - 1, 3],
    ] as const) {
      const other = wire.slice()
      other[at] = value
      expect(() => decodeGroupPolicy(other)).toThrow(fault('invalid', 'unsupported_policy'))
    }
  })

  test('does not nest its rules without end', () => {
    let deep: RetentionRule = { kind: 'all-members' }
    for (let i = 0; i < 5; i++) deep = { kind: 'any', rules: [deep] }
    const retention = { ...DEFAULT_GROUP_POLICY.retention, retained: deep }
    const wire = encodeGroupPolicy({ ...DEFAULT_GROUP_POLICY, retention })
    expect(() => decodeGroupPolicy(wire)).toThrow(fault('malformed', 'bad_retention_rule'))
  })

  test('keeps one epoch at least, and asks for a part of something', () => {
    const { retention } = DEFAULT_GROUP_POLICY
    const ofNothing: RetentionRule = { kind: 'quorum', numerator: 1, denominator: 0 }
    const changes: Partial<RetentionPolicy>[] = [
      { epochsMax: 0 },
      { retained: ofNothing },
      { readable: { kind: 'all', rules: [ofNothing] } },
    ]
    for (const change of changes) {
      const wire = encodeGroupPolicy({ ...DEFAULT_GROUP_POLICY, retention: { ...retention, ...change } })
      expect(() => decodeGroupPolicy(wire)).toThrow(fault('malformed', 'bad_retention_rule'))
    }
  })
})

describe('the roster for newcomers', () => {
  test('names each leaf and each instance once, leaves ascending, and who is new', () => {
    const [a, b] = [instanceId('aa'), instanceId('bb')]
    const entries = [
      { leafIndex: 2, instance: a, isNew: true },
      { leafIndex: 0, instance: b },
    ]
    const data: Extension['extensionData'] = encodeRosterExtension(entries)
    expect(decodeRosterExtension(data)).toEqual([entries[1], entries[0]])
    const twice = encodeRosterExtension([
      { leafIndex: 0, instance: a },
      { leafIndex: 1, instance: a },
    ])
    expect(() => decodeRosterExtension(twice)).toThrow(fault('malformed', 'bad_roster'))
    const sameLeaf = encodeRosterExtension([
      { leafIndex: 0, instance: a },
      { leafIndex: 0, instance: b },
    ])
    expect(() => decodeRosterExtension(sameLeaf)).toThrow(fault('malformed', 'bad_roster'))
    const neither = data.with(-1, 2)
    expect(() => decodeRosterExtension(neither)).toThrow(fault('malformed', 'bad_roster'))
    isStrict(decodeRosterExtension, encodeRosterExtension)
  })
})

test('records of the DAG come back as they were, and damaged ones are refused', () => {
  const story = Story.begin('start', 'alice', 'bob')
  const facts = story.facts('alice', 'start', 'a1', { add: ['dave'], remove: ['bob'], settings: 'topic: sea, 海' })
  const withHead = { ...facts, resolves: [{ head: dmlsEpoch('aa'), forkPoint: dmlsEpoch('bb') }] }
  const root = story.dag.epochs()[0] as typeof facts
  const entered = { ...root, newcomers: [instanceId('bb')] }
  for (const value of [facts, withHead, root, entered]) {
    const wire = encodeEpochFacts(value)
    expect(decodeEpochFacts(wire)).toEqual(value)
    for (let end = 0; end < wire.length; end++)
      expect(() => decodeEpochFacts(wire.slice(0, end))).toThrow(fault('malformed'))
  }
  const other = encodeEpochFacts(facts)
  other[0] = 2
  expect(() => decodeEpochFacts(other)).toThrow(fault('malformed', 'unsupported_record'))
})
