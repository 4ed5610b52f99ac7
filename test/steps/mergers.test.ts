/** Everybody could merge, and one does (protocol §7.3): on the simulator, whose clock is the same at every run. */
import { expect, test } from 'vitest'
import { add, settle, worldOf } from '../scenarios/sim-stories.ts'

test.each([1, 2])(
  'of eight members that could merge a fork, one does, and the others stand down (seed %d)',
  async (seed) => {
    const left = ['alice', 'bob', 'charlie', 'dave']
    const right = ['erin', 'frank', 'grace', 'heidi']
    const world = await worldOf([...left, ...right], { seed, outside: ['ivan', 'judy'] })
    try {
      world.network.partition([
        [...left, 'ivan'],
        [...right, 'judy'],
      ])
      await add(world, 'alice', 'ivan')
      await add(world, 'erin', 'judy')
      await settle(world)
      const group = world.node('alice').requireGroup()
      expect(group.members()).toHaveLength(10)
      expect(group.openHeads()).toHaveLength(1)
      const merges = group
        .dag()
        .epochs()
        .filter(({ resolves }) => resolves.length > 0)
      expect(merges).toHaveLength(1)
    } finally {
      world.close()
    }
  },
)
