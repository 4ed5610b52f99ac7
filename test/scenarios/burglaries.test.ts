/**
 * What the theft of a client is worth, at each moment, against a table in symbols: scenario 13. Everything on its disk, as
 * bytes, and what its process has in memory; `compromise.test.ts` robs the bare steps.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Amiss, amiss, type Burglary, expectedReach, reachFromDisk, reachFromMemory } from './burglary.ts'
import { READABLE_MS, RETAINED_MS } from './chronicle.ts'
import { ClientChronicle } from './client-chronicle.ts'
import type { Parcel, Resident } from './resident.ts'
import type { Commit } from './symbols.ts'
import type { Reach } from './thief.ts'

type Story3 = [ClientChronicle, Resident, Resident, Resident]
type Story4 = [ClientChronicle, Resident, Resident, Resident, Resident]

const NOTHING_AMISS: Amiss = { disk: [], memory: [], leftOver: [], read: [], texts: [], commits: [] }

/** The bytes give exactly what the symbols say, and nothing is left of what is over. */
async function worthOf(chronicle: ClientChronicle, burglary: Burglary): Promise<Reach> {
  const expected = expectedReach(chronicle, burglary)
  const where = `${burglary.who} ${burglary.when}`
  expect(await reachFromDisk(chronicle, burglary), `disk of ${where}`).toEqual(expected)
  expect(await reachFromMemory(chronicle, burglary), `memory of ${where}`).toEqual(expected)
  expect(await amiss(chronicle, burglary), where).toEqual(NOTHING_AMISS)
  return expected
}

/** Somebody goes on from an old disk, learns it from its own later messages, and is brought back as a new instance. */
async function fallBack(story: ClientChronicle, person: Resident): Promise<void> {
  story.keepBackup(person)
  await story.update(person)
  await story.say(person)
  await story.restoreBackup(person)
  await story.bringAll(person)
  for (const other of story.people) {
    if (other === person || !other.isMember) continue
    await story.bringAll(other)
    await story.tend(other)
  }
  await story.bringAll(person)
}

/** The one commit that somebody made last. */
function lastCommit(story: ClientChronicle): Commit {
  return story.commits.at(-1) as Commit
}

async function begin(names: readonly string[], founders: number): Promise<[ClientChronicle, ...Resident[]]> {
  const story = await ClientChronicle.begin(names, founders)
  return [story, ...story.people]
}

describe('a burglary', () => {
  test('scenario 13: before processing, after the puncture, after the merge and a restart, after deletion', async () => {
    const [story, alice, bob, carol, dora] = (await begin(['alice', 'bob', 'carol', 'dora'], 3)) as Story4
    const origin = alice.requireGroup.head
    await story.say(bob)
    await story.say(carol)
    await story.update(bob)
    const left = lastCommit(story)
    const [ofLeft] = story.parcels.slice(-1) as [Parcel]
    await story.say(bob)
    await story.add(carol, [dora])
    const right = lastCommit(story)
    await story.say(carol)

    story.burgle('before processing', alice)
    await story.bring(alice, ofLeft)
    story.burgle('after the puncture for one child', alice)
    await story.bringAll(alice)
    story.burgle('after reading what was said', alice)
    await story.update(alice)
    const merge = lastCommit(story)
    story.burgle('after the merge', alice)
    await story.restart(alice)
    story.burgle('after a restart', alice)
    for (const person of [bob, carol, dora]) await story.bringAll(person)
    // carol's client sleeps, and deletes at once what the others first keep for reading
    for (const person of [alice, bob, dora]) await story.pass(person, RETAINED_MS)
    story.burgle('when old epochs can only be read', alice)
    for (const person of story.people) await story.pass(person, READABLE_MS)
    story.burgle('after deletion', alice)
    story.burgle('after deletion at once', carol)
    await story.update(bob)
    const later = lastCommit(story)
    await story.say(bob)
    await story.bringAll(alice)
    await story.update(alice)
    const healed = lastCommit(story)
    await story.say(alice)

    const epochs = [origin, left.child, right.child, merge.child, later.child, healed.child]
    expect(new Set(epochs).size).toBe(6)
    const table = new Map<string, readonly boolean[]>()
    for (const burglary of story.burglaries) {
      const worth = await worthOf(story, burglary)
      table.set(
        burglary.when,
        epochs.map((epoch) => worth.epochs.includes(epoch)),
      )
    }
    // as with the bare steps: the table of docs/forward-secrecy.md
    expect(Object.fromEntries(table)).toEqual({
      'before processing': [true, true, true, false, false, false],
      'after the puncture for one child': [true, true, true, false, false, false],
      'after reading what was said': [true, true, true, false, false, false],
      'after the merge': [true, true, true, true, true, false],
      'after a restart': [true, true, true, true, true, false],
      'when old epochs can only be read': [true, true, true, true, true, false],
      'after deletion': [false, false, false, true, true, false],
      // she did not make the last one: it does not heal her
      'after deletion at once': [false, false, false, true, true, true],
    })
    await story.end()
  })

  test('scenario 13: of whoever came back from an old disk: what that held starts nothing any more', async () => {
    const [story, alice, bob, carol] = (await begin(['alice', 'bob', 'carol'], 3)) as Story3
    const old = alice.requireGroup.head
    await story.update(bob)
    const unheard = lastCommit(story)
    story.keepBackup(alice)
    await story.say(alice)
    await story.restoreBackup(alice)
    story.burgle('on the old disk', alice)
    for (const parcel of story.parcels.filter(({ by }) => by === 'alice')) await story.bring(alice, parcel)
    expect(alice.events.map(({ type }) => type)).toContain('stateLost')
    story.burgle('when it knows', alice)
    await story.bringAll(carol)
    await story.tend(carol)
    const answer = lastCommit(story)
    for (const parcel of story.parcels.filter(({ by }) => by === 'carol')) await story.bring(alice, parcel)
    expect(alice.events.map(({ type }) => type)).toContain('rejoined')
    expect(alice.requireGroup.head).toBe(answer.child)
    story.burgle('when it is back', alice)
    // the first look finds what she has left behind, the second that its time is over
    for (const time of [1, 2]) await story.pass(alice, time * READABLE_MS)
    story.burgle('after deletion', alice)

    const worth: Record<string, readonly boolean[]> = {}
    for (const burglary of story.burglaries) {
      const { epochs } = await worthOf(story, burglary)
      worth[burglary.when] = [old, unheard.child, answer.child].map((epoch) => epochs.includes(epoch))
    }
    expect(worth).toEqual({
      'on the old disk': [true, true, false],
      // her key package for coming back opens the Welcome that answers
      'when it knows': [true, true, true],
      'when it is back': [true, false, true],
      'after deletion': [false, false, true],
    })
    await story.end()
  })

  test('scenario 13: what a newcomer started that let itself in can be started again by a parent that is kept', async () => {
    const [story, alice, bob, carol] = (await begin(['alice', 'bob', 'carol'], 2)) as Story3
    await story.letIn(carol, alice)
    const entered = lastCommit(story)
    await story.update(bob)
    const ordinary = lastCommit(story)
    await story.bringAll(alice)
    story.burgle('after both', alice)
    const [burglary] = story.burglaries as [Burglary]
    await worthOf(story, burglary)
    // without the children that are held besides
    const { epochs } = await reachFromDisk(story, burglary, (epoch) => epoch === entered.parent)
    expect([entered, ordinary].map(({ child }) => epochs.includes(child))).toEqual([true, false])
    await story.end()
  })

  test('scenario 13: of messages that come in another order, the key of each goes when it is read', async () => {
    const [story, alice, bob] = (await begin(['alice', 'bob'], 2)) as Story3
    // so many keys that wait take more than one record, and less when some were used
    const count = 40
    for (let i = 0; i < count; i++) await story.say(bob)
    const parcels = story.parcels.slice(-count)
    await story.bring(alice, parcels[count - 1] as Parcel)
    story.burgle('after the last', alice)
    for (const parcel of parcels.slice(0, 20)) await story.bring(alice, parcel)
    story.burgle('after half of them', alice)
    for (const parcel of parcels.slice(21)) await story.bring(alice, parcel)
    story.burgle('after all but one', alice)
    const unread: number[] = []
    for (const burglary of story.burglaries) unread.push((await worthOf(story, burglary)).texts.length)
    expect(unread).toEqual([count - 1, 19, 1])
    await story.end()
  })

  test('scenario 13: the key of a node that a removal blanked goes with the epochs that had it', async () => {
    const [story, alice, bob, carol, dora] = (await begin(['alice', 'bob', 'carol', 'dora'], 4)) as Story4
    await story.update(dora)
    for (const person of [alice, bob, carol]) await story.bringAll(person)
    // carol has the key of the node above her and dora
    await story.remove(alice, dora)
    await story.bringAll(carol)
    story.burgle('after the removal', carol)
    await story.pass(carol, READABLE_MS)
    story.burgle('after deletion', carol)
    for (const burglary of story.burglaries) await worthOf(story, burglary)
    await story.end()
  })

  test('scenario 13: of a commit that has to wait, and of what a removed member says, nothing is left', async () => {
    const [story, alice, bob, carol, dora] = (await begin(['alice', 'bob', 'carol', 'dora'], 4)) as Story4
    const sides: { commit: Commit; parcel: Parcel; text: Parcel }[] = []
    for (const person of [alice, bob]) {
      await story.update(person)
      const [commit, parcel] = [lastCommit(story), story.parcels.at(-1) as Parcel]
      await story.say(person)
      sides.push({ commit, parcel, text: story.parcels.at(-1) as Parcel })
    }
    await story.bring(alice, (sides[1] as (typeof sides)[number]).parcel)
    const sent = story.parcels.length
    await story.remove(alice, dora)
    const merge = lastCommit(story)
    const ofMerge = story.parcels[sent] as Parcel
    sides.sort((side) => (side.commit.child === merge.parent ? -1 : 1))
    const [base, resolved] = sides as [(typeof sides)[number], (typeof sides)[number]]
    await story.bring(carol, base.parcel)
    await story.bring(carol, ofMerge)
    expect(carol.requireGroup.head).toBe(merge.parent)
    story.burgle('while the merge waits for what it resolves', carol)
    await story.bring(carol, resolved.parcel)
    expect(carol.requireGroup.head).toBe(merge.child)
    // the merge opened the way to this text when it was refused
    await story.bring(carol, base.text)
    story.burgle('after the merge', carol)
    await story.say(dora)
    await story.bring(carol, story.parcels.at(-1) as Parcel)
    expect(carol.events.filter(({ type }) => type === 'refused')).toEqual([
      expect.objectContaining({ code: 'sender_removed' }),
    ])
    story.burgle('after what the removed member said', carol)
    for (const burglary of story.burglaries) await worthOf(story, burglary)
    await story.end()
  })

  test('scenario 13: of a group that was forgotten nothing is left', async () => {
    const [story, alice, bob] = (await begin(['alice', 'bob'], 2)) as Story3
    await story.update(alice)
    await story.bringAll(bob)
    await story.forget(bob)
    await story.update(alice)
    await story.say(alice)
    story.burgle('after forgetting', bob)
    const worth = await worthOf(story, story.burglaries[0] as Burglary)
    expect(worth).toEqual({ epochs: [], texts: [] })
    await story.end()
  })

  test('scenario 13: the search finds what is there', async () => {
    const [story, alice, bob, carol] = (await begin(['alice', 'bob', 'carol'], 3)) as Story3
    await story.say(bob)
    await story.update(bob)
    await story.bringAll(alice)
    story.burgle('before', alice)
    await story.say(carol)
    await story.say(carol)
    await story.update(carol)
    await story.bringAll(alice)
    story.burgle('after', alice)
    const [before, after] = story.burglaries as [Burglary, Burglary]
    await worthOf(story, before)
    await worthOf(story, after)
    // what she had before is more than she may have after
    const { disk, memory, leftOver } = await amiss(story, { ...before, holdings: after.holdings })
    const ofMessages = 'tree: a message that it opens was opened'
    const found = new Set([ofMessages, 'tree: a child that it starts was started'])
    expect(new Set(disk)).toEqual(found)
    expect(new Set(memory)).toEqual(found)
    // the nodes of a PPRF are moved into one array
    expect(new Set(leftOver)).toEqual(new Set([ofMessages]))
    await story.end()
  })

  type Move = {
    readonly kind: keyof typeof WEIGHTS
    readonly who: number
    readonly n: number
  }

  /** How often each thing happens beside the others. */
  const WEIGHTS = {
    update: 3,
    say: 3,
    receive: 4,
    catchUp: 3,
    remove: 1,
    add: 2,
    letIn: 1,
    pass: 2,
    tend: 2,
    restart: 1,
    keepBackup: 1,
    restoreBackup: 1,
    fallBack: 1,
    burgle: 3,
  } as const

  const move: fc.Arbitrary<Move> = fc.record({
    kind: fc.constantFrom(
      ...Object.entries(WEIGHTS).flatMap(([kind, weight]) => Array<Move['kind']>(weight).fill(kind as Move['kind'])),
    ),
    who: fc.nat(4),
    n: fc.nat(50),
  })

  async function play(story: ClientChronicle, moves: readonly Move[]): Promise<void> {
    for (const { kind, who, n } of moves) {
      const present = story.people.filter((person) => person.isMember)
      // everybody was removed by somebody
      if (present.length === 0) return
      const person = present[who % present.length] as Resident
      const outside = story.people.find((other) => other.group === undefined)
      switch (kind) {
        case 'update':
          await story.update(person)
          break
        case 'say':
          await story.say(person)
          break
        case 'receive':
          // from some point on, in order: gaps and repetitions included
          for (const parcel of story.parcels.slice(n % (story.parcels.length + 1)).slice(0, 6)) {
            await story.bring(person, parcel)
          }
          break
        case 'catchUp':
          await story.bringAll(person)
          break
        case 'remove': {
          const others = present.filter((other) => other !== person)
          const target = others[n % Math.max(1, others.length)]
          if (target !== undefined) await story.remove(person, target)
          break
        }
        case 'add':
          if (outside !== undefined) await story.add(person, [outside], n % 3 === 0 ? 'later' : 'at once')
          break
        case 'letIn':
          if (outside !== undefined) await story.letIn(outside, person)
          break
        case 'pass':
          await story.pass(person, n % 2 === 0 ? RETAINED_MS : READABLE_MS)
          break
        case 'tend':
          await story.tend(person)
          break
        case 'restart':
          await story.restart(person)
          break
        case 'keepBackup':
          story.keepBackup(person)
          break
        case 'restoreBackup':
          if (story.hasBackup(person)) await story.restoreBackup(person)
          break
        case 'fallBack':
          await fallBack(story, person)
          break
        case 'burgle':
          story.burgle(`moment ${story.burglaries.length}`, person)
      }
    }
  }

  test('scenario 13: in random histories of clients, every burglary is worth what the symbols say', async () => {
    const met = { thefts: 0, punctured: 0, readable: 0, outOfReach: 0, unread: 0, external: 0 }
    const told = { merged: 0, removed: 0, stateLost: 0, rejoined: 0, forkOpened: 0 }
    await fc.assert(
      fc.asyncProperty(
        fc.nat(1000),
        fc.array(move, { minLength: 8, maxLength: 40, size: 'max' }),
        async (seed, moves) => {
          const story = await ClientChronicle.begin(['alice', 'bob', 'carol', 'dora', 'erin'], 3, seed)
          await play(story, moves)
          for (const burglary of story.burglaries.slice(0, 6)) {
            const { epochs, texts } = await worthOf(story, burglary)
            const held = [...burglary.holdings.epochs.values()]
            met.thefts++
            if (held.some(({ punctured }) => punctured.size > 0)) met.punctured++
            if (held.some(({ stage }) => stage === 'readable')) met.readable++
            if (story.commits.some(({ child }) => !epochs.includes(child))) met.outOfReach++
            if (texts.length < story.messages.length) met.unread++
            if (story.commits.some(({ isExternal }) => isExternal === true)) met.external++
          }
          for (const { type } of story.people.flatMap(({ events }) => events)) {
            if (type in told) told[type as keyof typeof told]++
          }
          await story.end()
        },
      ),
      // the short run plays the same histories every time, so that it always meets them
      { numRuns: 25, ...(process.env.DMLS_LONG === '1' ? {} : { seed: 1, endOnFailure: true }) },
    )
    // thefts that are worth everything, or come before anything happened, would show nothing
    for (const [what, times] of Object.entries({ ...met, ...told })) expect(times, what).toBeGreaterThan(0)
  })
})
