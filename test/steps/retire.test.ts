/** What deletion leaves of an epoch (protocol §8): first it can only be read, then nothing of it is left. */
import { toHex } from '@dmls/crypto'
import { type DmlsEpoch, heldEpoch, mlsServices, ownSignatureKey, type RetentionPolicy, retire } from '@dmls/dmls'
import { encodeGroupState, type GroupState, sendUpdate, Writer } from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import { type Actor, fingerprint, sizeOfEpoch } from '../scenarios/actor.ts'
import { forgeCommit, wrap } from '../scenarios/forge.ts'
import { actors, groupOf } from '../scenarios/story.ts'

const HOUR_MS = 3_600_000
const RETENTION: RetentionPolicy = {
  retained: { kind: 'age', ageMs: HOUR_MS },
  readable: { kind: 'age', ageMs: 24 * HOUR_MS },
  epochsMax: 1024,
  sizeMaxBytes: 1 << 26,
}

/** What starts children, as bytes: the keys of the path, the PPRF and the secrets for newcomers. */
function startingSecrets(group: GroupState): readonly Uint8Array[] {
  const { confirmationKey, externalSecret, exporterSecret, resumptionPsk } = group.secrets
  const writer = new Writer()
  group.initKey.encode(writer)
  return [...group.keys.values(), confirmationKey, externalSecret, exporterSecret, resumptionPsk, writer.finish()]
}

function isWiped(buffer: Uint8Array): boolean {
  return buffer.every((byte) => byte === 0)
}

/** alice and bob; bob says something and commits in an epoch that alice leaves behind. */
async function leftBehind() {
  const [alice, bob] = (await actors(['alice', 'bob'])) as [Actor, Actor]
  await groupOf([alice, bob], { retention: RETENTION })
  const old: DmlsEpoch = alice.head
  const text = await bob.say('late')
  const rival = await bob.commit()
  await alice.commit()
  return { alice, bob, old, text, rival: rival.wire }
}

/** A proposal of an epoch, on the wire. */
async function propose(by: Actor, epoch: DmlsEpoch): Promise<Uint8Array> {
  const held = heldEpoch(by.state, epoch)
  const signer = by.services.signerFor(ownSignatureKey(held))
  const sent = await sendUpdate(held.group, { signer, authenticatedData: new Uint8Array(0) }, mlsServices(by.services))
  return wrap(sent.message, epoch)
}

function retiredAfter(alice: Actor, hours: number) {
  alice.nowMs += hours * HOUR_MS
  return retire(alice.state, { nowMs: alice.nowMs, sizeOf: (epoch) => sizeOfEpoch(alice.state, epoch) })
}

describe('an epoch whose time for commits is over', () => {
  test('is stored without anything that starts children, and what it had is overwritten', async () => {
    const { alice, old } = await leftBehind()
    const before = alice.state.epochs.get(old)?.group as GroupState
    const starting = startingSecrets(before)
    const hex = starting.map(toHex)
    const step = retiredAfter(alice, 2)
    if (step === undefined) throw new Error('there is nothing to retire')
    expect(step.changes.dropped).toEqual([])

    const readable = step.state.epochs.get(old)
    expect(readable?.stage).toBe('readable')
    const stored = toHex(encodeGroupState(readable?.group as GroupState))
    for (const secret of hex) expect(stored).not.toContain(secret)
    step.wipe()
    // the last entry is a copy that was encoded for this test
    expect(starting.slice(0, -1).every(isWiped)).toBe(true)
    expect(toHex(startingSecrets(before).at(-1) as Uint8Array)).not.toBe(hex.at(-1))
    // what reads messages lives longer
    expect(isWiped(before.secrets.senderDataSecret)).toBe(false)
  })

  test('still reads what comes late, and refuses commits', async () => {
    const { alice, old, text, rival } = await leftBehind()
    retiredAfter(alice, 2)
    alice.retire()
    expect(alice.state.epochs.get(old)?.stage).toBe('readable')
    const head = alice.head
    expect(await alice.receive(text, rival)).toEqual(['application', 'refused: beyond_horizon'])
    expect(alice.texts.map((each) => each.text)).toEqual(['late'])
    expect(alice.head).toBe(head)
  })

  test('keeps the commit that began it, as its author signed it, for as long as a rival could come, and no longer', async () => {
    const [alice, bob] = (await actors(['alice', 'bob'])) as [Actor, Actor]
    await groupOf([alice, bob], { retention: RETENTION })
    const made = await bob.commit()
    await alice.receive(made.wire)
    expect(alice.state.epochs.get(made.epoch)?.commit?.length).toBeGreaterThan(0)
    await alice.commit()
    retiredAfter(alice, 2)
    alice.retire()
    expect(alice.state.epochs.get(made.epoch)).toMatchObject({ stage: 'readable', commit: undefined })
  })

  test('refuses what starts a child as too late in whatever form it comes, and is as it was', async () => {
    const { alice, bob, old } = await leftBehind()
    retiredAfter(alice, 2)
    alice.retire()
    const before = fingerprint(alice.state)
    const open = await forgeCommit(bob, { epoch: old })
    const proposal = await propose(bob, old)
    expect(await alice.receive(open.wire, proposal)).toEqual(['refused: beyond_horizon', 'refused: beyond_horizon'])
    expect(fingerprint(alice.state)).toBe(before)
  })
})

describe('an epoch whose time is over', () => {
  test('is held no more, and everything secret that it had is overwritten', async () => {
    const { alice, old } = await leftBehind()
    const before = alice.state.epochs.get(old)?.group as GroupState
    const secrets = [...startingSecrets(before).slice(0, -1), ...Object.values(before.secrets)]
    const step = retiredAfter(alice, 25)
    if (step === undefined) throw new Error('there is nothing to retire')
    expect(step.changes.dropped).toContain(old)
    expect([...step.state.epochs.keys()]).toEqual([alice.head])
    expect(step.state.dag.has(old)).toBe(true)
    expect(secrets.some(isWiped)).toBe(false)
    step.wipe()
    expect(secrets.every(isWiped)).toBe(true)
  })

  test('reads nothing any more, while the group goes on', async () => {
    const { alice, text, rival } = await leftBehind()
    retiredAfter(alice, 25)
    alice.retire()
    expect(await alice.receive(text, rival)).toEqual(['refused: beyond_horizon', 'refused: beyond_horizon'])
    const made = await alice.commit()
    expect(alice.head).toBe(made.epoch)
  })

  test('is let go of once, and the head never', async () => {
    const { alice } = await leftBehind()
    retiredAfter(alice, 25)
    alice.retire()
    expect(retiredAfter(alice, 10_000)).toBeUndefined()
    expect(alice.state.epochs.has(alice.head)).toBe(true)
  })

  test('is over too when it was a head that somebody resolved: its time counts from there', async () => {
    const [alice, bob, charlie] = (await actors(['alice', 'bob', 'charlie'])) as [Actor, Actor, Actor]
    await groupOf([alice, bob, charlie], { retention: RETENTION })
    const [a, b] = [await alice.commit(), await bob.commit()]
    await alice.receive(b.wire)
    alice.nowMs += 20 * HOUR_MS
    const merge = await alice.commit()
    const resolved = merge.parent === a.epoch ? b.epoch : a.epoch
    expect(alice.state.epochs.get(resolved)?.supersededAtMs).toBe(alice.nowMs)
    retiredAfter(alice, 23)
    alice.retire()
    expect(alice.state.epochs.get(resolved)?.stage).toBe('readable')
    retiredAfter(alice, 2)
    alice.retire()
    expect(alice.state.epochs.has(resolved)).toBe(false)
  })
})
