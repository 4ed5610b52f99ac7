import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { Chat } from '../../src/chat/chat.ts'
import { Journal } from '../../src/member/journal.ts'
import type { Node } from '../../src/node/node.ts'
import { styleFor } from '../../src/terminal-style.ts'
import { openFakeNode } from '../fake/fake-node.ts'

interface Person {
  readonly chat: Chat
  readonly node: Node
  readonly lines: string[]
  readonly folder: string
  readonly identity: string
}

const people: Person[] = []

async function person(
  name: string,
  folder: string = mkdtempSync(join(tmpdir(), `dmls-chat-${name}-`)),
): Promise<Person> {
  const observer = { published: () => undefined, arrived: () => undefined }
  const node = await openFakeNode({ folder: join(folder, 'store'), observer, isDeaf: false })
  await node.network.admit(undefined)
  const lines: string[] = []
  const journal = new Journal(join(folder, 'journal.ndjson'))
  const chat = new Chat({ node, journal, name, style: styleFor({}, {}), print: (line) => lines.push(line) })
  chat.start()
  const identity = Buffer.from(node.client.identity).toString('hex')
  const someone = { chat, node, lines, folder, identity }
  people.push(someone)
  return someone
}

async function sees(someone: Person, text: string): Promise<void> {
  await vi.waitFor(() => expect(someone.lines.join('\n')).toContain(text))
}

afterEach(async () => {
  for (const { chat, node } of people.splice(0)) {
    chat.stop()
    await node.close()
  }
})

describe('a chat', () => {
  test('alice founds a group, adds bob, and they talk; bob comes back and still has the conversation', async () => {
    const alice = await person('alice')
    const bob = await person('bob')
    await alice.chat.enter('/create')
    await bob.chat.enter(`/dial ${alice.node.network.addresses()[0]}`)
    await alice.chat.enter(`/add ${bob.identity}`)
    await sees(bob, 'in a group of 2')
    await bob.chat.enter('hello alice')
    await sees(alice, `bob·${bob.identity.slice(0, 6)}: hello alice`)
    await alice.chat.enter('hello bob')
    await sees(bob, 'hello bob')

    bob.chat.stop()
    await bob.node.close()
    const again = await person('bob', bob.folder)
    expect(again.lines.join('\n')).toContain('hello bob')
    expect(await alice.chat.enter('/remove bob')).toBe(true)
    await alice.chat.enter('/dag')
    expect(alice.lines.join('\n')).toMatch(/−bob·/)
  })

  test('what makes no sense in a group is refused: adding somebody twice or oneself, leaving alone, founding another', async () => {
    const alice = await person('alice')
    const bob = await person('bob')
    await alice.chat.enter('/create')
    await bob.chat.enter(`/dial ${alice.node.network.addresses()[0]}`)
    await alice.chat.enter(`/add ${bob.identity.slice(0, 6)}`)
    await alice.chat.enter(`/add ${alice.identity}`)
    await alice.chat.enter('/leave')
    await alice.chat.enter('/create')
    await alice.chat.enter(`/add ${bob.identity}`)
    await alice.chat.enter(`/add ${bob.identity}`)
    await alice.chat.enter('/remove')
    const bobs = bob.identity.slice(0, 6)
    expect(alice.lines.filter((line) => line.startsWith('! '))).toEqual([
      `! /add wants the whole identity of somebody, ${bob.identity.length} digits: what their chat shows first`,
      '! you are in the group already',
      '! nobody else is here who could let you go',
      '! you are in a group already',
      `! ${bobs} is in the group already`,
      '! /remove wants a name, or the beginning of an identity',
    ])
    expect(alice.lines).toContain(`· asking for a key package of ${bobs}`)
  })

  test('whoever was removed hears it at every attempt, and may found a group anew', async () => {
    const alice = await person('alice')
    const bob = await person('bob')
    await alice.chat.enter('/create')
    await bob.chat.enter(`/dial ${alice.node.network.addresses()[0]}`)
    await alice.chat.enter(`/add ${bob.identity}`)
    await sees(bob, 'in a group of 2')
    await alice.chat.enter(`/remove ${bob.identity.slice(0, 6)}`)
    await vi.waitFor(() => expect(bob.node.client.groups()[0]?.isMember).toBe(false))
    await bob.chat.enter('hello?')
    expect(bob.lines.at(-1)).toBe('! you are out of the group: /create one, or have somebody /add you')
    await bob.chat.enter('/create')
    expect(bob.lines.at(-1)).not.toContain('already')
  })

  test('mistakes are one line each, and nobody is thrown out for them', async () => {
    const alice = await person('alice')
    const mistakes = ['hello?', '/add', '/add xyz', '/remove bob', '/frobnicate', '/dag', '/dial', '/dial nowhere:1']
    for (const line of mistakes) expect(await alice.chat.enter(line)).toBe(true)
    const answers = alice.lines.filter((line) => line.startsWith('! '))
    expect(answers).toHaveLength(mistakes.length)
    for (const answer of answers) expect(answer).not.toContain('\n')
    expect(await alice.chat.enter('/quit')).toBe(false)
  })
})
