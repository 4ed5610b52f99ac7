/** Joining a large group takes long: an application follows it, and may end it without losing the invitation. */
import { afterEach, expect, test } from 'vitest'
import type { DmlsClientOptions, Progress } from '../src/api.ts'
import { agree, createGroupOf, createHub, createPerson, groupOf, type Person, say, until } from './harness.ts'

type Hub = ReturnType<typeof createHub>

const open: Person[] = []

async function opened(
  hub: Hub,
  name: string,
  { store, options }: { readonly store?: Person['store']; readonly options?: Partial<DmlsClientOptions> } = {},
): Promise<Person> {
  const created = await createPerson(hub, name, store, options)
  open.push(created)
  return created
}

afterEach(async () => {
  for (const person of open.splice(0)) await person.client.close()
})

/** Alice and bob, in a group that carol will be invited to. */
async function pair(hub: Hub, options: Parameters<typeof createGroupOf>[1] = {}): Promise<[Person, Person]> {
  const two: [Person, Person] = [await opened(hub, 'alice'), await opened(hub, 'bob')]
  await createGroupOf(two, options)
  return two
}

async function invite(host: Person, guest: Person): Promise<void> {
  await groupOf(host).add([await guest.client.createKeyPackage()])
}

test('whoever joins is told how many members are verified', async () => {
  const hub = createHub()
  const [alice, bob] = await pair(hub, { policy: { externalCommits: 'allowed' } })
  const told: Progress[] = []
  const onJoinProgress = (progress: Progress): void => void told.push(progress)
  const carol = await opened(hub, 'carol', { options: { onJoinProgress } })
  await invite(alice, carol)
  await until(() => agree([alice, bob, carol]), 'carol')
  expect(told).toEqual([{ done: 3, total: 3 }])
  const dora = await opened(hub, 'dora', { options: { onJoinProgress } })
  await dora.client.joinGroup(await groupOf(bob).createJoinInfo())
  expect(told.slice(1)).toEqual([{ done: 3, total: 3 }])
})

test('a join that carol ends is taken again when she is opened again', async () => {
  const hub = createHub()
  const [alice, bob] = await pair(hub)
  const stop = new AbortController()
  const ended = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()))
  const onJoinProgress = (): void => stop.abort(new Error('not now'))
  const carol = await opened(hub, 'carol', { options: { onJoinProgress, signal: stop.signal } })
  await invite(alice, carol)
  await ended
  await carol.client.close()
  expect(carol.client.groups()).toEqual([])
  const again = await opened(hub, 'carol again', { store: carol.store })
  await until(() => agree([alice, bob, again]), 'carol')
  await say(again, 'better late')
  await until(() => alice.texts.includes('better late'), 'her message')
})

test('closing a client does not wait for a join, and loses nothing of it', async () => {
  const hub = createHub()
  const [alice, bob] = await pair(hub)
  let release = (): void => undefined
  const verifying = new Promise<void>((resolve) => {
    release = resolve
  })
  let asked = 0
  const onJoinProgress = (): Promise<void> => {
    asked++
    return verifying
  }
  const carol = await opened(hub, 'carol', { options: { onJoinProgress } })
  await invite(alice, carol)
  await until(() => asked === 1, 'the join to be under way')
  const closed = carol.client.close()
  release()
  await closed
  expect(carol.client.groups()).toEqual([])
  const again = await opened(hub, 'carol again', { store: carol.store })
  await until(() => agree([alice, bob, again]), 'carol')
})

test('letting oneself in is ended with the reason, and can be done once more', async () => {
  const hub = createHub()
  const [alice, bob] = await pair(hub, { policy: { externalCommits: 'allowed' } })
  const joinInfo = await groupOf(alice).createJoinInfo()
  const carol = await opened(hub, 'carol', { options: { signal: AbortSignal.abort(new Error('not now')) } })
  await expect(carol.client.joinGroup(joinInfo)).rejects.toThrow('not now')
  expect(carol.client.groups()).toEqual([])
  await carol.client.close()
  const again = await opened(hub, 'carol again', { store: carol.store })
  await again.client.joinGroup(joinInfo)
  await until(() => agree([alice, bob, again]), 'carol')
})

test('one call of hers has a progress and an end of its own', async () => {
  const hub = createHub()
  const [alice, bob] = await pair(hub, { policy: { externalCommits: 'allowed' } })
  const joinInfo = await groupOf(alice).createJoinInfo()
  const told: [string, Progress][] = []
  const onJoinProgress = (progress: Progress): void => void told.push(['client', progress])
  const onProgress = (progress: Progress): void => void told.push(['call', progress])
  const carol = await opened(hub, 'carol', { options: { onJoinProgress } })
  const stop = new AbortController()
  const ending = { onProgress: () => stop.abort(new Error('not now')), signal: stop.signal }
  await expect(carol.client.joinGroup(joinInfo, ending)).rejects.toThrow('not now')
  await expect(carol.client.joinGroup(joinInfo, { signal: stop.signal })).rejects.toThrow('not now')
  expect(carol.client.groups()).toEqual([])
  told.length = 0
  await carol.client.joinGroup(joinInfo, { onProgress })
  expect(told).toEqual([
    ['client', { done: 2, total: 2 }],
    ['call', { done: 2, total: 2 }],
  ])
  await until(() => agree([alice, bob, carol]), 'carol')
})
