import { nodeProvider } from '@dmls/crypto/node'
import { expect, test } from 'vitest'
import type { Tampering } from '../src/malice.ts'
import { carryOut } from '../src/operations.ts'
import type { SimNode } from '../src/sim-node.ts'
import { World } from '../src/world.ts'

const disk = ({ disk: { sizeBytes } }: SimNode): number => sizeBytes

test('messages that somebody on the network replays, damages or renames change nothing (scenarios 21, 23)', async () => {
  const world = new World({ seed: 1, provider: nodeProvider })
  const [alice, bob] = [await world.add('alice'), await world.add('bob')]
  await world.createGroup(alice, [bob])
  await world.finish(alice.say('one'))
  await world.finish(bob.requireGroup().update())
  await world.runUntilQuiet()
  const before = { head: alice.requireGroup().head, sizes: [alice, bob].map(disk) }
  const passed = world.traffic.messages.length
  for (let message = 0; message < passed; message++) {
    for (const how of ['replay', 'flip', 'rename'] satisfies Tampering[]) {
      carryOut(world, { kind: 'malice', who: message, message, how, at: message * 37 + 5 })
    }
  }
  await world.runUntilQuiet()
  expect(world.traffic.messages.length).toBeGreaterThan(passed)
  expect([alice, bob].map((node) => node.requireGroup().head)).toEqual([before.head, before.head])
  expect([alice, bob].map(disk)).toEqual(before.sizes)
  expect(world.observations.delivered.map(({ text }) => text)).toEqual(['one'])
})
