/** Members that play against the rules, on the steps: scenarios 1, 2 and 3. */
import { type DmlsEpoch, forkChoice, heldEpoch, type RetentionPolicy, rankHeads } from '@dmls/dmls'
import { describe, expect, test } from 'vitest'
import { type Actor, fingerprint, sizeOfEpoch, suite } from './actor.ts'
import { forgeCommit } from './forge.ts'
import { actors, agreedHead, groupOf } from './story.ts'

type Three = [Actor, Actor, Actor]
type Four = [Actor, Actor, Actor, Actor]

const CAPS: RetentionPolicy = {
  retained: { kind: 'all-members' },
  readable: { kind: 'all-members' },
  epochsMax: 16,
  sizeMaxBytes: 1 << 20,
}

function bytesHeld(member: Actor): number {
  return [...member.state.epochs.keys()].reduce((sum, epoch) => sum + sizeOfEpoch(member.state, epoch), 0)
}

describe('an insider who floods', () => {
  test('scenario 1: makes hundreds of epochs from one, and nobody holds more than the caps allow', async () => {
    const [alice, bob, mallory] = (await actors(['alice', 'bob', 'mallory'])) as Three
    await groupOf([alice, bob, mallory], { retention: CAPS })
    const origin = mallory.head
    const wires: Uint8Array[] = []
    for (let i = 0; i < 400; i++) {
      const counter = BigInt(i + 1)
      const flood = await forgeCommit(mallory, { epoch: origin, data: { counter } })
      wires.push(flood.wire)
      for (const victim of [alice, bob]) {
        await victim.receive(flood.wire)
        // what the client does after each step that leaves it above the caps
        if (victim.state.epochs.size > CAPS.epochsMax || bytesHeld(victim) > CAPS.sizeMaxBytes) victim.retire()
        expect(victim.state.epochs.size).toBeLessThanOrEqual(CAPS.epochsMax)
      }
    }
    for (const victim of [alice, bob]) expect(bytesHeld(victim)).toBeLessThanOrEqual(CAPS.sizeMaxBytes)
    // the commit that ends it lands, although the flood goes on
    const removal = await bob.commit({ remove: [mallory.self] })
    expect(await alice.receive(removal.wire)).toEqual(['commit'])
    expect(agreedHead([alice, bob])).toBe(removal.epoch)
    const more = await forgeCommit(mallory, { epoch: origin, data: { counter: 1000n } })
    for (const victim of [alice, bob]) {
      await victim.receive(more.wire)
      expect(victim.head).toBe(removal.epoch)
    }
    const next = await alice.commit()
    await bob.receive(next.wire)
    expect(alice.membersAmong([alice, bob, mallory])).toEqual(['alice', 'bob'])
    expect(agreedHead([alice, bob])).toBe(next.epoch)
  })

  test('scenario 1: heads of the flood are resolved with the rest, also those whose secrets are gone', async () => {
    const [alice, bob, mallory] = (await actors(['alice', 'bob', 'mallory'])) as Three
    await groupOf([alice, bob, mallory], { retention: CAPS })
    const origin = mallory.head
    for (let i = 0; i < 40; i++) {
      const flood = await forgeCommit(mallory, { epoch: origin, data: { counter: BigInt(i + 1) } })
      for (const victim of [alice, bob]) {
        await victim.receive(flood.wire)
        victim.retire()
      }
    }
    const removal = await bob.commit({ remove: [mallory.self] })
    await alice.receive(removal.wire)
    const next = await alice.commit()
    await bob.receive(next.wire)
    for (const victim of [alice, bob]) expect(victim.state.dag.unresolvedHeads()).toEqual([next.epoch])
  })
})

describe('an insider who grinds', () => {
  /** Whether the attempts of one committer win against the rival commit, each taken by itself. */
  async function wins(name: 'support' | 'draft', seed: number, attempts: number) {
    const [alice, bob, mallory] = (await actors(['alice', 'bob', 'mallory'], seed)) as Three
    await groupOf([alice, bob, mallory])
    const rival = await bob.commit()
    const choice = forkChoice({ kind: name })
    const won: boolean[] = []
    const tries: Uint8Array[] = []
    for (let i = 0; i < attempts; i++) {
      const witness = await alice.copy(`${i}`)
      const attempt = await forgeCommit(mallory, { data: { counter: 1n } })
      tries.push(attempt.wire)
      await witness.receive(rival.wire, attempt.wire)
      won.push(choice.chooseHead(witness.state.dag, (bytes) => suite.hash(bytes)) !== rival.epoch)
    }
    return { won, tries, rival, alice, mallory }
  }

  test('scenario 2: its chance does not grow with its attempts: all of them win, or none', async () => {
    const outcomes = new Set<boolean>()
    for (let seed = 1; seed <= 8; seed++) {
      const { won } = await wins('support', seed, 8)
      expect(new Set(won).size).toBe(1)
      outcomes.add(won[0] as boolean)
    }
    // and which of the two is chance, not the committer's choice
    expect(outcomes.size).toBe(2)
  })

  test('scenario 2: under the draft it does, and that is why it is not the default', async () => {
    const { won } = await wins('draft', 1, 16)
    expect(new Set(won).size).toBe(2)
  })

  test('scenario 2: publishing several attempts is an equivocation: it costs the vote, and there is proof', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const { tries, rival, alice, mallory } = await wins('support', seed, 2)
      await alice.receive(rival.wire, ...tries)
      const proof = alice.state.dag.equivocation(mallory.self)
      expect(proof?.epochs).toHaveLength(2)
      // bob's one voice decides, whomever the hash favours
      expect(alice.head).toBe(rival.epoch)
    }
  })

  test('scenario 2: a removal beats an update, whoever the hash favours', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const [alice, bob, mallory] = (await actors(['alice', 'bob', 'mallory'], seed)) as Three
      await groupOf([alice, bob, mallory])
      const removal = await bob.commit({ remove: [mallory.self] })
      const update = await mallory.commit()
      await alice.receive(update.wire, removal.wire)
      expect(alice.head).toBe(removal.epoch)
    }
  })
})

describe('an insider who withholds a branch', () => {
  test('scenario 3: that is published beyond the horizon it is refused, and nothing changes', async () => {
    const [alice, bob, mallory] = (await actors(['alice', 'bob', 'mallory'])) as Three
    const minute = 60_000
    const age = { kind: 'age', ageMs: minute } as const
    await groupOf([alice, bob, mallory], { retention: { ...CAPS, retained: age, readable: age } })
    const hidden = [await mallory.commit(), await mallory.commit()]
    for (let i = 0; i < 2; i++) {
      const made = await alice.commit()
      await bob.receive(made.wire)
      for (const person of [alice, bob]) person.nowMs += 2 * minute
      for (const person of [alice, bob]) person.retire()
    }
    for (const victim of [alice, bob]) {
      const before = fingerprint(victim.state)
      const outcomes = await victim.receive(...hidden.map(({ wire }) => wire))
      expect(outcomes).toEqual(['refused: beyond_horizon', 'refused: unknown_epoch'])
      expect(fingerprint(victim.state)).toBe(before)
    }
  })

  test('scenario 3: inside the horizon its length counts for nothing: one voice against those who spoke since', async () => {
    const people = (await actors(['alice', 'bob', 'carol', 'mallory'])) as Four
    const [alice, bob, carol, mallory] = people
    await groupOf(people)
    const hidden: { wire: Uint8Array; epoch: DmlsEpoch }[] = []
    for (let i = 0; i < 12; i++) hidden.push(await mallory.commit())
    const honest = await alice.commit()
    await bob.receive(honest.wire)
    const voice = await bob.say('with alice')
    await carol.receive(honest.wire, voice)
    for (const person of [alice, bob, carol]) {
      await person.receive(honest.wire, voice, ...hidden.map(({ wire }) => wire))
      expect(person.head).toBe(honest.epoch)
    }
    const last = hidden.at(-1)?.epoch
    const ranked = [...rankHeads(alice.state.dag, forkChoice({ kind: 'support' }), (bytes) => suite.hash(bytes))]
    expect(ranked).toEqual([honest.epoch, last])
    expect(heldEpoch(alice.state, honest.epoch).stage).toBe('open')
  })
})
