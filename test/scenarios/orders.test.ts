/** Whatever order, however often, in whatever portions: scenario 21, on the steps. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Actor } from './actor.ts'
import { actors, groupOf, welcomeOf } from './story.ts'

/** A history with forks, merges, an invitation and a removal; dave is there from the beginning and has heard nothing. */
async function history() {
  const people = (await actors(['alice', 'bob', 'carol', 'dave', 'erin'])) as [Actor, Actor, Actor, Actor, Actor]
  const [alice, bob, carol, dave, erin] = people
  await groupOf([alice, bob, carol, dave])
  const wires: Uint8Array[] = []
  const say = async (who: Actor, text: string) => wires.push(await who.say(text))
  await say(alice, 'a1')
  const left = await alice.commit({ add: [await erin.keyPackage()] })
  await erin.welcome(welcomeOf(left))
  wires.push(left.wire)
  await say(erin, 'e1')
  const right = await bob.commit()
  wires.push(right.wire)
  await say(bob, 'b1')
  await say(carol, 'c1')
  await carol.receive(...wires)
  const merge = await carol.commit()
  wires.push(merge.wire, ...merge.handovers)
  await bob.receive(...wires)
  await say(bob, 'b2')
  const removal = await bob.commit({ remove: [alice.self] })
  wires.push(removal.wire)
  await carol.receive(...wires)
  await say(carol, 'c2')
  return { dave, wires, head: carol.head, removal: removal.epoch, lastWords: wires[0] as Uint8Array }
}

/** All texts but that of somebody who is removed later. */
function textsOfRemaining(member: Actor): string[] {
  return textsOf(member).filter((text) => text !== 'a1')
}

function textsOf(member: Actor): string[] {
  return member.texts.map(({ text }) => text).sort()
}

test('scenario 21: neither the head nor what is delivered of those who remain depends on order or repetition', async () => {
  const { dave, wires, head } = await history()
  const inOrder = await dave.copy('in order')
  await inOrder.receive(...wires)
  expect(inOrder.head).toBe(head)
  expect(textsOf(inOrder)).toEqual(['a1', 'b1', 'b2', 'c1', 'c2', 'e1'])
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray(wires, { minLength: wires.length }),
      fc.array(fc.nat(wires.length - 1), { maxLength: 10 }),
      async (order, repeated) => {
        const witness = await dave.copy('witness')
        const all = [...order]
        for (const [i, index] of repeated.entries()) all.splice((i * 7) % all.length, 0, wires[index] as Uint8Array)
        await witness.receive(...all)
        expect(witness.head).toBe(head)
        expect(textsOfRemaining(witness)).toEqual(textsOfRemaining(inOrder))
        expect(witness.state.dag.unresolvedHeads()).toEqual(inOrder.state.dag.unresolvedHeads())
      },
    ),
    { numRuns: 40 },
  )
})

test('scenario 21: what a removed member said before is delivered once, if it comes before the removal is known', async () => {
  const { dave, wires, removal, lastWords } = await history()
  const outcomes = new Set<number>()
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(wires, { minLength: wires.length }), async (order) => {
      const witness = await dave.copy('witness')
      const before = order.indexOf(lastWords)
      await witness.receive(...order.slice(0, before))
      const isKnown = witness.state.dag.has(removal)
      await witness.receive(...order.slice(before), lastWords)
      const times = textsOf(witness).filter((text) => text === 'a1').length
      expect(times).toBe(isKnown ? 0 : 1)
      outcomes.add(times)
    }),
    { numRuns: 40 },
  )
  expect(outcomes).toEqual(new Set([0, 1]))
})
