/** Memory that is used again and again: what was laid out before must not be seen in what comes next. */
import { expect, it } from 'vitest'
import { Scratch } from '../../src/codec/scratch.ts'

it('each writer of a scratch begins empty, whatever was laid out before', () => {
  const scratch = new Scratch()
  expect(scratch.writer(4).fixed(new Uint8Array(1000).fill(7)).written()).toEqual(new Uint8Array(1000).fill(7))
  expect(scratch.writer(4).uint16(0x0102).written()).toEqual(Uint8Array.of(1, 2))
  expect(scratch.writer(4).written()).toEqual(new Uint8Array(0))
})

it('what takes much room gets memory of its own, which nothing that follows overwrites', () => {
  const scratch = new Scratch()
  const large = scratch.writer(100_000).fixed(new Uint8Array(100_000).fill(7)).written()
  scratch.writer(4).fixed(new Uint8Array(100_000).fill(8))
  expect(large).toEqual(new Uint8Array(100_000).fill(7))
})
