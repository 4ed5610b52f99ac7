/** Two sides that said much while they were apart: what healing takes of a disk, and that everything is delivered once. */
import { nodeProvider } from '@dmls/crypto/node'
import { expect, test } from 'vitest'
import type { SimNode } from '../src/sim-node.ts'
import { World } from '../src/world.ts'

const isLong = process.env.DMLS_LONG === '1'
const TEXTS = isLong ? 2000 : 250
const EPOCHS = 5
const EPOCH_BYTES = 6000

test(`scenario 30: ${TEXTS} messages a side take no more of a disk while it heals than themselves and their names`, async () => {
  const world = new World({ seed: 1, provider: nodeProvider, syncIntervalMs: 10_000 })
  const nodes: SimNode[] = []
  for (const name of ['alice', 'bob', 'charlie', 'dora']) nodes.push(await world.add(name))
  const [alice, bob, charlie, dora] = nodes as [SimNode, SimNode, SimNode, SimNode]
  await world.createGroup(alice, [bob, charlie, dora])
  const sizes = (): number[] => nodes.map(({ disk }) => disk.sizeBytes)
  const sides = [
    [alice, bob],
    [charlie, dora],
  ] as const
  world.network.partition(sides.map((side) => side.map(({ name }) => name)))
  const passed = world.traffic.messages.length
  for (let i = 0; i < TEXTS; i++) {
    for (const [speaker] of sides) await world.finish(speaker.say(`${i} of ${speaker.name}`))
    if (i % Math.ceil(TEXTS / EPOCHS) === 0) {
      for (const [, updater] of sides)
        await world.finish(updater.attempt('update', () => updater.requireGroup().update()))
    }
    await world.runFor(20)
  }
  await world.runFor(2000)
  const apart = sizes()
  const known = world.observations.delivered.length
  // what a side has said, as it went over the network
  const ofSide = world.traffic.messages.slice(passed).reduce((sum, { bytes }) => sum + bytes.length, 0) / 2

  world.network.heal()
  let largest = 0
  const total = (): number => world.observations.delivered.length - known
  for (let waitedMs = 0; waitedMs < 60_000 && total() < 4 * TEXTS; waitedMs += 10) {
    await world.runFor(10)
    largest = Math.max(largest, ...sizes().map((size, i) => size - (apart[i] as number)))
  }
  await world.runUntilQuiet()
  for (const { name } of nodes) {
    const others = name === 'alice' || name === 'charlie' ? TEXTS : 2 * TEXTS
    const texts = world.observations.delivered.filter(({ node }) => node === name).map(({ text }) => text)
    expect(texts.length, name).toBe(others)
    expect(new Set(texts).size, name).toBe(others)
  }
  expect(ofSide).toBeGreaterThan(TEXTS * 200)
  // each message lies there once, with its name and a note, whatever it waited for; and so does each epoch
  expect(largest).toBeLessThan(1.75 * ofSide + 2 * EPOCHS * EPOCH_BYTES)
})
