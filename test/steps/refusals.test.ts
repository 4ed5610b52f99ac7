/**
 * What a step derived that is refused in the end is overwritten, and nothing else is: the state works as before. The
 * nodes of a PPRF lie in one array, which no cipher suite handed out, so they are watched where they are made.
 */
import { type CipherSuite, toHex } from '@dmls/crypto'
import {
  type AdminPolicy,
  type DmlsGroupState,
  decodeDmlsMessage,
  type GroupPolicy,
  makeCommit,
  receiveMessage,
} from '@dmls/dmls'
import { decodeGroupState, encodeGroupState, encodeWhole, type GroupState, type InitKey, type Profile } from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import { type Actor, fingerprint, profile, suite } from '../scenarios/actor.ts'
import { contentOf, flipped, forgeCommit, reframe } from '../scenarios/forge.ts'
import { actors, groupOf } from '../scenarios/story.ts'

/** The state, watched, and what its steps make: nodes of punctured PPRFs, and the PPRFs of new epochs. */
interface Watched {
  readonly state: DmlsGroupState
  readonly nodes: readonly Uint8Array[]
  readonly children: readonly InitKey[]
}

function watch(state: DmlsGroupState): Watched {
  const nodes: Uint8Array[] = []
  const children: InitKey[] = []
  const watching: Profile = {
    ...profile,
    openEpoch: (...input) => {
      const opened = profile.openEpoch(...input)
      children.push(opened.initKey)
      return opened
    },
  }
  const initKeyOf = ({ initKey }: GroupState): InitKey => ({
    evaluate: (input) => {
      const evaluated = initKey.evaluate(input)
      nodes.push(...evaluated.created)
      return evaluated
    },
    encode: (writer) => initKey.encode(writer),
    wipe: () => initKey.wipe(),
  })
  const epochs = [...state.epochs].map(([id, held]) => {
    const group = { ...held.group, profile: watching, initKey: initKeyOf(held.group) }
    return [id, { ...held, group }] as const
  })
  return { state: { ...state, epochs: new Map(epochs) }, nodes, children }
}

/** Something was derived, and nothing of it is left. The first three bytes of an intact PPRF are no secret. */
function expectNothingLeft({ nodes, children }: Watched): void {
  expect(nodes.length).toBeGreaterThan(0)
  expect(children).toHaveLength(1)
  const left = children.map((child) => encodeWhole(child, (writer, key) => key.encode(writer)).subarray(3))
  for (const secret of [...nodes, ...left]) expect(secret.every((byte) => byte === 0)).toBe(true)
}

type Three = [Actor, Actor, Actor]

async function three(seed: number, policy: (people: Three) => Partial<GroupPolicy> = () => ({})): Promise<Three> {
  const people = (await actors(['alice', 'bob', 'charlie'], seed)) as Three
  await groupOf(people, policy(people))
  return people
}

function named({ identity }: Actor): AdminPolicy {
  return { kind: 'named', instances: [], identities: [toHex(identity.publicKey)], invitations: 'named' }
}

describe('of a commit that is refused', () => {
  test('because a head is missing that it resolves, nothing is left, and with the head it is processed', async () => {
    const [alice, bob, charlie] = await three(31)
    const [a, b] = [await alice.commit(), await bob.commit()]
    await alice.receive(b.wire)
    const merge = await alice.commit()
    const [base, resolved] = merge.parent === a.epoch ? [a, b] : [b, a]
    await charlie.receive(base.wire)
    const before = fingerprint(charlie.state)
    const watched = watch(charlie.state)
    const refused = receiveMessage(watched.state, decodeDmlsMessage(merge.wire), charlie.services)
    await expect(refused).rejects.toThrow(expect.objectContaining({ code: 'unknown_head' }))
    expectNothingLeft(watched)
    expect(fingerprint(charlie.state)).toBe(before)
    await charlie.receive(resolved.wire, merge.wire)
    expect(charlie.head).toBe(merge.epoch)
  })

  test('because its author may not do it, nothing is left: neither with its author nor with those who receive it', async () => {
    const [alice, bob, charlie] = await three(32, (people) => ({ admin: named(people[0]) }))
    const notAllowed: unknown = expect.objectContaining({ code: 'not_allowed' })
    const before = [bob, charlie].map(({ state }) => fingerprint(state))
    const byBob = watch(bob.state)
    await expect(makeCommit(byBob.state, { remove: [alice.self] }, bob.services)).rejects.toThrow(notAllowed)
    expectNothingLeft(byBob)
    const removed = alice.state.epochs.get(alice.head)?.group.ownLeaf as number
    const { wire } = await forgeCommit(bob, { proposals: [{ proposalType: 'remove', removed }] })
    const byCharlie = watch(charlie.state)
    const received = receiveMessage(byCharlie.state, decodeDmlsMessage(wire), charlie.services)
    await expect(received).rejects.toThrow(notAllowed)
    expectNothingLeft(byCharlie)
    expect([bob, charlie].map(({ state }) => fingerprint(state))).toEqual(before)
    // both still follow what is good
    const { wire: good, epoch } = await alice.commit()
    for (const person of [bob, charlie]) expect(await person.receive(good)).toEqual(['commit'])
    expect([bob.head, charlie.head]).toEqual([epoch, epoch])
  })

  test('because its confirmation tag is wrong, nothing is left', async () => {
    const [alice, bob] = await three(33)
    const { message } = await forgeCommit(alice)
    const authenticated = contentOf(message)
    const confirmationTag = flipped(authenticated.auth.confirmationTag as Uint8Array)
    const auth = { ...authenticated.auth, confirmationTag }
    const forged = await reframe(alice, alice.head, { ...authenticated, auth }, 'keep')
    const watched = watch(bob.state)
    const received = receiveMessage(watched.state, decodeDmlsMessage(forged), bob.services)
    await expect(received).rejects.toThrow(expect.objectContaining({ code: 'bad_confirmation_tag' }))
    expectNothingLeft(watched)
  })
})

test('of a message whose sender was removed nothing is left, and another of the same epoch is read', async () => {
  const [alice, bob, charlie] = await three(34)
  const epoch = alice.head
  const early = await alice.say('before')
  const removal = await alice.commit({ remove: [bob.self] })
  await charlie.receive(removal.wire)
  const late = await bob.say('after')
  const before = fingerprint(charlie.state)
  const derived: Uint8Array[] = []
  const watching: CipherSuite = {
    ...suite,
    expand: (...input) => {
      const secret = suite.expand(...input)
      derived.push(secret)
      return secret
    },
  }
  const epochs = [...charlie.state.epochs].map(([id, held]) => {
    const { tree } = held.group
    const group = decodeGroupState(encodeGroupState(held.group), { suite: watching, profile, tree })
    return [id, { ...held, group }] as const
  })
  const state = { ...charlie.state, epochs: new Map(epochs) }
  const received = receiveMessage(state, decodeDmlsMessage(late), charlie.services)
  await expect(received).rejects.toThrow(
    expect.objectContaining({ code: 'sender_removed', fields: { sender: bob.self } }),
  )
  expect(derived.length).toBeGreaterThan(5)
  expect(derived.filter((secret) => secret.some((byte) => byte !== 0))).toEqual([])
  expect(epochs.map(([id]) => id)).toContain(epoch)
  expect(await charlie.receive(late)).toEqual(['refused: sender_removed'])
  expect(fingerprint(charlie.state)).toBe(before)
  expect(await charlie.receive(early)).toEqual(['application'])
})
