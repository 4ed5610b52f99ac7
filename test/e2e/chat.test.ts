/** Two people in two terminals, on real sockets and real stores. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Running, startDmls } from './command.ts'

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'
const running: Running[] = []

function chat(name: string, store: string, ...more: readonly string[]): Running {
  const started = startDmls(['chat', '--store', store, '--name', name, '--listen', LOOPBACK, ...more])
  running.push(started)
  return started
}

function enter(person: Running, line: string): void {
  person.process.stdin.write(`${line}\n`)
}

/** Waits until the pattern can be read in somebody's terminal, and returns what it found. */
async function reads(person: Running, pattern: RegExp): Promise<string> {
  return vi.waitFor(
    () => {
      const found = pattern.exec(person.out())
      if (found === null) throw new Error(`not in: ${person.out()}${person.err()}`)
      return found[1] ?? found[0]
    },
    { timeout: 20_000, interval: 50 },
  )
}

afterEach(async () => {
  for (const { process, ended } of running.splice(0)) {
    process.stdin.end()
    await ended
  }
})

describe('dmls chat', () => {
  test('alice and bob meet, talk, part, and find each other and the conversation again', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dmls-chat-'))
    const alice = chat('alice', join(folder, 'alice'))
    const address = await reads(alice, /reachable at (\S+)/)
    const bob = chat('bob', join(folder, 'bob'), '--peer', address)
    const identity = await reads(bob, /you are ([0-9a-f]+)/)
    enter(alice, '/create')
    await reads(alice, /in a group of 1/)
    enter(alice, `/add ${identity}`)
    await reads(bob, /in a group of 2/)
    enter(bob, 'hello alice')
    await reads(alice, /bob·\w+: hello alice/)
    enter(alice, 'hello bob')
    await reads(bob, /alice·\w+: hello bob/)

    enter(bob, '/quit')
    expect(await bob.ended).toBe(0)
    enter(alice, 'are you asleep?')
    const again = chat('bob', join(folder, 'bob'), '--peer', address)
    await reads(again, /alice·\w+: hello bob/)
    await reads(again, /alice·\w+: are you asleep\?/)
    enter(again, '/dag')
    await reads(again, /◉ {2}epoch 1 {2}\w+ .*welcomed here/)
  }, 60_000)

  test('bob comes before alice is there, and reaches her once she is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dmls-chat-'))
    const first = chat('alice', join(folder, 'alice'))
    const address = await reads(first, /reachable at (\S+)/)
    first.process.stdin.end()
    expect(await first.ended).toBe(0)

    const bob = chat('bob', join(folder, 'bob'), '--peer', address)
    expect(await reads(bob, /cannot reach (.*); trying again/)).toBe(`${address} yet: nobody listens there`)
    const listen = address.replace(/\/p2p.*/, '')
    const alice = startDmls(['chat', '--store', join(folder, 'alice'), '--listen', listen])
    running.push(alice)
    enter(alice, '/create')
    enter(alice, `/add ${await reads(bob, /you are ([0-9a-f]+)/)}`)
    await reads(bob, /in a group of 2/)
  }, 60_000)

  test('an address that is none is one line and a status', async () => {
    const alice = chat('alice', join(mkdtempSync(join(tmpdir(), 'dmls-chat-')), 'alice'), '--peer', 'nonsense')
    expect(await alice.ended).toBe(1)
    expect(alice.out()).toBe('')
    expect(alice.err()).toBe('dmls: "nonsense" is no address, such as /ip4/192.0.2.1/tcp/4001\n')
  })
})
