import { expect, test } from 'vitest'
import { WaitingRoom } from '../src/group/waiting-room.ts'

test('a full waiting room lets the message go that came first, and has never more than it may (scenario 20)', () => {
  const room = new WaitingRoom(3, 100)
  const left = Array.from({ length: 10 }, (_, i) => room.add(`message ${i}`, { epoch: `epoch ${i % 2}`, sizeBytes: 1 }))
  expect(left).toEqual([[], [], [], ...Array.from({ length: 7 }, (_, i) => [`message ${i}`])])
  expect(room.size).toBe(3)
  expect([room.waitingFor('epoch 0'), room.waitingFor('epoch 1')]).toEqual([1, 2])
  expect(room.take('epoch 1').map(({ id }) => id)).toEqual(['message 7', 'message 9'])
  expect(room.epochs()).toEqual(['epoch 0'])
})

test('a message that comes again waits once, for what it lacks now', () => {
  const room = new WaitingRoom(2, 100)
  room.add('message', { epoch: 'one epoch', sizeBytes: 60 })
  expect(room.add('message', { epoch: 'another', sizeBytes: 60 })).toEqual([])
  expect([room.size, room.waitingFor('one epoch'), room.waitingFor('another')]).toEqual([1, 0, 1])
})

test('as many messages leave as a large one needs, and bytes that left count no more (scenario 20)', () => {
  const room = new WaitingRoom(100, 100)
  for (let i = 0; i < 5; i++) expect(room.add(`small ${i}`, { epoch: 'an epoch', sizeBytes: 20 })).toEqual([])
  expect(room.add('large', { epoch: 'an epoch', sizeBytes: 50 })).toEqual(['small 0', 'small 1', 'small 2'])
  expect(room.take('an epoch').map(({ id }) => id)).toEqual(['small 3', 'small 4', 'large'])
  expect(room.add('full', { epoch: 'an epoch', sizeBytes: 100 })).toEqual([])
})
