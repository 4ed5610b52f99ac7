/** A commit that adds many takes long: whoever makes or processes it may follow it, and end it without a trace. */
import { afterEach, expect, test } from 'vitest'
import type { CommitProgress, DmlsClientOptions, DmlsGroup, Progress } from '../src/api.ts'
import { agree, createGroupOf, createHub, createPerson, groupOf, type Person, say, until } from './harness.ts'
import { contentsOf } from './stored.ts'

type Hub = ReturnType<typeof createHub>

const open: Person[] = []

async function opened(hub: Hub, name: string, options: Partial<DmlsClientOptions> = {}, store?: Person['store']) {
  const created = await createPerson(hub, name, store, options)
  open.push(created)
  return created
}

afterEach(async () => {
  for (const person of open.splice(0)) await person.client.close()
})

/** More than one portion of those whose signatures are verified together. */
async function keyPackagesOf(guest: Person, count = 70): Promise<Uint8Array[]> {
  const made: Uint8Array[] = []
  while (made.length < count) made.push(await guest.client.createKeyPackage())
  return made
}

function stateOf(group: DmlsGroup): unknown {
  return [group.head, group.members().length, group.dag().size, group.openHeads()]
}

test('whoever adds many is told how many of them are verified', async () => {
  const hub = createHub()
  const alice = await opened(hub, 'alice')
  await createGroupOf([alice])
  const carol = await opened(hub, 'carol')
  const told: Progress[] = []
  const onProgress = (progress: Progress): void => void told.push(progress)
  await groupOf(alice).add(await keyPackagesOf(carol), { onProgress })
  expect(told).toEqual([
    { done: 64, total: 70 },
    { done: 70, total: 70 },
  ])
  expect(groupOf(alice).members().length).toBe(71)
})

test('an addition that alice ends leaves everything as it was, and can be made once more', async () => {
  const hub = createHub()
  const [alice, bob] = [await opened(hub, 'alice'), await opened(hub, 'bob')]
  await createGroupOf([alice, bob])
  const carol = await opened(hub, 'carol')
  const guests = await keyPackagesOf(carol)
  const group = groupOf(alice)
  const before = [stateOf(group), await contentsOf(alice.store)]
  const stop = new AbortController()
  const ending = { onProgress: () => stop.abort(new Error('too many')), signal: stop.signal }
  await expect(group.add(guests, ending)).rejects.toThrow('too many')
  expect([stateOf(group), await contentsOf(alice.store)]).toEqual(before)
  // and those that have not begun
  for (const call of [
    () => group.add(guests, { signal: stop.signal }),
    () => group.remove([bob.client.identity], { signal: stop.signal }),
    () => group.update({ signal: stop.signal }),
    () => group.changeSettings({ policy: {} }, { signal: stop.signal }),
  ]) {
    await expect(call()).rejects.toThrow('too many')
  }
  expect([stateOf(group), await contentsOf(alice.store)]).toEqual(before)
  expect(carol.client.groups()).toEqual([])
  await say(alice, 'still here')
  await until(() => bob.texts.includes('still here'), 'her message')
  await group.add(guests.slice(0, 1))
  await until(() => agree([alice, bob, carol]), 'carol')
})

test('one that waits for its turn is ended before it begins', async () => {
  const hub = createHub()
  const alice = await opened(hub, 'alice')
  await createGroupOf([alice])
  const stop = new AbortController()
  let release = (): void => undefined
  const held = new Promise<void>((resolve) => {
    release = resolve
  })
  const carol = await opened(hub, 'carol')
  const first = groupOf(alice).add([await carol.client.createKeyPackage()], { onProgress: () => held })
  const second = groupOf(alice).update({ signal: stop.signal })
  stop.abort(new Error('not any more'))
  release()
  await first
  await expect(second).rejects.toThrow('not any more')
  expect(groupOf(alice).epoch).toBe(1n)
})

test('whoever processes such a commit is told too, and a mistake in showing it refuses nothing', async () => {
  const hub = createHub()
  const told: CommitProgress[] = []
  const onCommitProgress = (progress: CommitProgress): void => {
    told.push(progress)
    throw new Error('no window')
  }
  const [alice, bob] = [await opened(hub, 'alice'), await opened(hub, 'bob', { onCommitProgress })]
  await createGroupOf([alice, bob])
  const carol = await opened(hub, 'carol')
  await groupOf(alice).add(await keyPackagesOf(carol))
  await until(() => agree([alice, bob]), 'bob')
  expect(told.map(({ done, total }) => [done, total])).toEqual([
    [64, 70],
    [70, 70],
  ])
  expect(told[0]?.groupId).toEqual(groupOf(bob).id)
  expect(bob.events.filter(({ type }) => type === 'refused')).toEqual([])
})

test('closing a client ends such a commit, which it takes when it is opened again', async () => {
  const hub = createHub()
  const closings: Promise<void>[] = []
  const onCommitProgress = (): void => void closings.push(bob.client.close())
  const [alice, bob]: [Person, Person] = [await opened(hub, 'alice'), await opened(hub, 'bob', { onCommitProgress })]
  await createGroupOf([alice, bob])
  const carol = await opened(hub, 'carol')
  const before = groupOf(bob).head
  await groupOf(alice).add(await keyPackagesOf(carol))
  await until(() => closings.length > 0, 'the commit to be under way')
  await Promise.all(closings)
  expect(closings.length).toBe(1)
  expect(groupOf(bob).head).toBe(before)
  expect(bob.events.filter(({ type }) => type === 'refused')).toEqual([])
  const again = await opened(hub, 'bob again', {}, bob.store)
  await until(() => agree([alice, again]), 'bob')
})
