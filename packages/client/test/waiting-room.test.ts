import { expect, test } from 'vitest'
import { WaitingRoom } from '../src/group/waiting-room.ts'

test('a full waiting room lets the message go that came first, and has never more than it may (scenario 20)', () => {
  const room = new WaitingRoom(3)
  const left = Array.from({ length: 10 }, (_, i) => room.add(`message ${i}`, `epoch ${i % 2}`))
  expect(left).toEqual([undefined, undefined, undefined, ...Array.from({ length: 7 }, (_, i) => `message ${i}`)])
  expect(room.size).toBe(3)
  expect([room.waitingFor('epoch 0'), room.waitingFor('epoch 1')]).toEqual([1, 2])
  expect(room.take('epoch 1')).toEqual(['message 7', 'message 9'])
  expect(room.epochs()).toEqual(['epoch 0'])
})

test('a message that comes again waits once, for what it lacks now', () => {
  const room = new WaitingRoom(2)
  room.add('message', 'one epoch')
  expect(room.add('message', 'another')).toBeUndefined()
  expect([room.size, room.waitingFor('one epoch'), room.waitingFor('another')]).toEqual([1, 0, 1])
})
