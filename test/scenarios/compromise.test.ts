/** What a theft is worth, at each moment, in real bytes against a table in symbols: scenario 13. */
import { heldEpoch } from '@dmls/dmls'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Actor } from './actor.ts'
import { Chronicle, type Moment, READABLE_MS, RETAINED_MS } from './chronicle.ts'
import { forgeCommit } from './forge.ts'
import { actors, groupOf } from './story.ts'
import { reachOf } from './symbols.ts'
import { bytesOf, steal, Thief } from './thief.ts'

/** The bytes give exactly what the symbols say, and none of the secrets of other epochs lies around in them. */
async function worthOf(chronicle: Chronicle, moment: Moment) {
  const traffic = { wires: chronicle.posts.map(({ wire }) => wire), welcomes: chronicle.welcomes }
  const actual = await Thief.with(moment.loot, traffic)
  const expected = reachOf(moment.holdings, chronicle.commits, chronicle.messages)
  expect(actual, `${moment.who} ${moment.when}`).toEqual(expected)
  const bytes = bytesOf(moment.loot)
  const reached = new Set(actual.epochs)
  for (const [epoch, secrets] of chronicle.secrets) {
    if (reached.has(epoch)) continue
    for (const secret of secrets) expect(bytes.includes(secret), `${moment.when}: a secret of ${epoch}`).toBe(false)
  }
  return expected
}

describe('a theft', () => {
  test('scenario 13: before processing, after the puncture, after the merge, after deletion', async () => {
    const story = await Chronicle.begin(['alice', 'bob', 'carol', 'dora'], 3)
    const [alice, bob, carol, dora] = story.people as [Actor, Actor, Actor, Actor]
    const origin = alice.head
    await story.say(bob)
    await story.say(carol)
    const left = await story.commit(bob)
    await story.say(bob)
    const right = await story.add(carol, [dora])
    await story.say(carol)
    const post = (wire: Uint8Array) => story.posts.find((each) => each.wire === wire) as Chronicle['posts'][number]

    story.theft('before processing', alice)
    await story.deliver(alice, post(left.wire))
    story.theft('after the puncture for one child', alice)
    await story.deliver(alice, post(right.wire))
    story.theft('after the puncture for both', alice)
    await story.deliverAll(alice)
    story.theft('after reading what was said', alice)
    const merge = await story.commit(alice)
    story.theft('after the merge', alice)
    await story.deliverAll(bob)
    await story.deliverAll(carol)
    for (const person of [alice, bob, carol]) story.pass(person, RETAINED_MS)
    story.theft('when old epochs can only be read', alice)
    for (const person of [alice, bob, carol]) story.pass(person, READABLE_MS)
    story.theft('after deletion', alice)
    const later = await story.commit(bob)
    await story.say(bob)
    await story.deliverAll(alice)
    const healed = await story.commit(alice)
    await story.say(alice)

    const worth = new Map<string, readonly string[]>()
    for (const moment of story.moments) worth.set(moment.when, (await worthOf(story, moment)).epochs)
    // the table, for reading: which of the epochs each theft gives away
    const table = (when: string): boolean[] =>
      [origin, left.epoch, right.epoch, merge.epoch, later.epoch, healed.epoch].map(
        (epoch) => worth.get(when)?.includes(epoch) === true,
      )
    // alice's own commits give nothing to a thief of the time before: that is how she heals
    expect(table('before processing')).toEqual([true, true, true, false, false, false])
    expect(table('after the puncture for one child')).toEqual([true, true, true, false, false, false])
    expect(table('after the merge')).toEqual([true, true, true, true, true, false])
    expect(table('when old epochs can only be read')).toEqual([true, true, true, true, true, false])
    expect(table('after deletion')).toEqual([false, false, false, true, true, false])
  })

  test('scenario 13: what an invitee keeps of its key package gives its first epoch away, until it is deleted', async () => {
    const story = await Chronicle.begin(['alice', 'bob', 'carol'], 2)
    const [alice, bob, carol] = story.people as [Actor, Actor, Actor]
    const joined = await story.add(alice, [carol])
    await story.deliverAll(bob)
    await story.say(bob)
    await story.deliverAll(carol)
    const next = await story.commit(carol)
    await story.deliverAll(alice)
    for (const person of story.people) story.pass(person, READABLE_MS)
    story.theft('with the init key', carol, 'kept')
    story.theft('without it', carol, 'deleted')
    const [kept, deleted] = story.moments as [Moment, Moment]
    expect((await worthOf(story, kept)).epochs).toEqual([joined.epoch, next.epoch].sort())
    expect((await worthOf(story, deleted)).epochs).toEqual([next.epoch])
  })

  test('scenario 13: of an epoch that can only be read, nothing is left but what reads late messages', async () => {
    const story = await Chronicle.begin(['alice', 'bob'], 2)
    const [alice, bob] = story.people as [Actor, Actor]
    const origin = alice.head
    const { senderDataSecret, ...others } = heldEpoch(alice.state, origin).group.secrets
    const gone = Object.values(others).map((secret) => Buffer.from(secret).toString('hex'))
    const kept = Buffer.from(senderDataSecret).toString('hex')
    await story.commit(bob)
    await story.deliverAll(alice)
    story.pass(alice, RETAINED_MS)
    expect(heldEpoch(alice.state, origin).stage).toBe('readable')
    const bytes = bytesOf(steal(alice, []))
    expect(bytes.includes(kept)).toBe(true)
    for (const secret of gone) expect(bytes.includes(secret)).toBe(false)
  })

  test('scenario 13: whoever has the parent and even the commit in the clear cannot start a child twice', async () => {
    const [alice, bob] = (await actors(['alice', 'bob'])) as [Actor, Actor]
    await groupOf([alice, bob])
    // a PublicMessage: its path needs no key of the secret tree to be read
    const commit = await forgeCommit(bob)
    const before = steal(alice)
    await alice.receive(commit.wire)
    const after = steal(alice)
    const child = heldEpoch(alice.state, alice.head).group
    const traffic = { wires: [commit.wire], welcomes: [] }
    expect((await Thief.with(before, traffic)).epochs).toContain(alice.head)
    // without the child that is held besides, the parent is worth nothing
    const epochs = new Map([...after.epochs].filter(([id]) => id !== alice.head))
    const parentOnly = { ...after, epochs }
    expect((await Thief.with(parentOnly, traffic)).epochs).not.toContain(alice.head)
    const bytes = bytesOf(parentOnly)
    for (const secret of Object.values(child.secrets)) {
      expect(bytes.includes(Buffer.from(secret).toString('hex'))).toBe(false)
    }
  })

  test('scenario 13: nor does it help that the commit is kept as it was signed, for evidence', async () => {
    const [alice, bob] = (await actors(['alice', 'bob'])) as [Actor, Actor]
    await groupOf([alice, bob])
    const commit = await bob.commit()
    const before = steal(alice)
    await alice.receive(commit.wire)
    const after = steal(alice)
    const nothing = { wires: [], welcomes: [] }
    expect(after.commits).toHaveLength(1)
    // it is all that is needed as long as the parent has not processed it
    expect((await Thief.with({ ...before, commits: after.commits }, nothing)).epochs).toContain(alice.head)
    const epochs = new Map([...after.epochs].filter(([id]) => id !== alice.head))
    const parentOnly = { ...after, epochs }
    const everything = { wires: [commit.wire], welcomes: [] }
    expect((await Thief.with(parentOnly, everything)).epochs).not.toContain(alice.head)
  })

  type Move = {
    readonly kind: 'commit' | 'say' | 'receive' | 'remove' | 'add' | 'pass' | 'theft'
    readonly who: number
    readonly n: number
  }

  const move: fc.Arbitrary<Move> = fc.record({
    kind: fc.constantFrom(
      'commit',
      'commit',
      'say',
      'say',
      'receive',
      'receive',
      'receive',
      'remove',
      'add',
      'pass',
      'theft',
      'theft',
    ),
    who: fc.nat(4),
    n: fc.nat(50),
  })

  async function play(seed: number, moves: readonly Move[]): Promise<Chronicle> {
    const story = await Chronicle.begin(['alice', 'bob', 'carol', 'dora', 'erin'], 3, seed)
    for (const { kind, who, n } of moves) {
      const present = story.people.filter((person) => person.isIn && person.state.removal === undefined)
      // everybody was removed by somebody
      if (present.length === 0) break
      const person = present[who % present.length] as Actor
      switch (kind) {
        case 'commit':
          await story.commit(person).catch(ignoreRefusal)
          break
        case 'say':
          await story.say(person)
          break
        case 'receive':
          // from some point on, in order: gaps and repetitions included
          for (const post of story.posts.slice(n % (story.posts.length + 1)).slice(0, 4))
            await story.deliver(person, post)
          break
        case 'remove': {
          const others = present.filter(
            (other) => other !== person && person.state.dag.roster(person.head).has(other.self),
          )
          const target = others[n % Math.max(1, others.length)]
          if (target !== undefined) await story.commit(person, { remove: [target.self] }).catch(ignoreRefusal)
          break
        }
        case 'add': {
          const outside = story.people.find((other) => !other.isIn)
          if (outside !== undefined) await story.add(person, [outside]).catch(ignoreRefusal)
          break
        }
        case 'pass':
          story.pass(person, n % 2 === 0 ? RETAINED_MS : READABLE_MS)
          break
        case 'theft':
          story.theft(`moment ${story.moments.length}`, person)
      }
    }
    return story
  }

  test('scenario 13: in random histories, every theft is worth what the symbols say', async () => {
    const met = { thefts: 0, punctured: 0, readable: 0, outOfReach: 0, unread: 0 }
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1000),
        fc.array(move, { minLength: 8, maxLength: 40, size: 'max' }),
        async (seed, moves) => {
          const story = await play(seed, moves)
          for (const moment of story.moments.slice(0, 6)) {
            const { epochs, texts } = await worthOf(story, moment)
            const held = [...moment.holdings.epochs.values()]
            met.thefts++
            if (held.some(({ punctured }) => punctured.size > 0)) met.punctured++
            if (held.some(({ stage }) => stage === 'readable')) met.readable++
            if (story.commits.some(({ child }) => !epochs.includes(child))) met.outOfReach++
            if (texts.length < story.messages.length) met.unread++
          }
        },
      ),
      // the short run plays the same histories every time, so that it always meets them
      { numRuns: 25, ...(process.env.DMLS_LONG === '1' ? {} : { seed: 1 }) },
    )
    // thefts that are worth everything, or come before anything happened, would show nothing
    for (const [what, times] of Object.entries(met)) expect(times, what).toBeGreaterThan(0)
  })
})

/** A commit that its author may not make, or cannot yet. */
function ignoreRefusal(error: unknown): undefined {
  if (error instanceof Error && 'blame' in error) return undefined
  throw error
}
