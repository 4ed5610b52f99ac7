import { nodeProvider } from '@dmls/crypto/node'
import { describe, expect, test } from 'vitest'
import type { TopicHandler, Verdict } from '../src/ports.ts'
import { shareTopics } from '../src/shared-topics.ts'
import { createHub } from './harness.ts'

const topic = new Uint8Array(32).fill(7)

function message(text: string): Uint8Array {
  return new TextEncoder().encode(text)
}

/** A handler that holds some messages, notes what it is given, and answers what it is told to. */
function handler(verdict: Verdict, held: readonly Uint8Array[] = []): TopicHandler & { readonly got: string[] } {
  const got: string[] = []
  return {
    got,
    receive: async (bytes) => {
      got.push(new TextDecoder().decode(bytes))
      return verdict
    },
    held: async function* () {
      for (const bytes of held) yield digest(bytes)
    },
    load: async (id) => held.find((bytes) => digest(bytes).join() === id.join()),
  }
}

const hub = createHub()

function digest(bytes: Uint8Array): Uint8Array {
  return nodeProvider.cipherSuite(1).hash(bytes)
}

describe('two parts of one client on one topic', () => {
  test('both hear what arrives, and a peer gets what either holds', async () => {
    const alice = shareTopics(hub.join('alice'))
    const bob = hub.join('bob')
    const first = handler('ignore', [message('from the first')])
    const second = handler('accept', [message('from the second')])
    const atBob = handler('accept')
    await alice.subscribe(topic, first)
    const leave = await alice.subscribe(topic, second)
    await bob.subscribe(topic, atBob)
    await hub.settle()
    await bob.publish(topic, message('hello'))
    await hub.settle()
    expect(first.got).toEqual(['hello'])
    expect(second.got).toEqual(['hello'])
    expect([...atBob.got].sort()).toEqual(['from the first', 'from the second'])

    await leave()
    await bob.publish(topic, message('again'))
    await hub.settle()
    expect(first.got).toContain('again')
    expect(second.got).not.toContain('again')
  })

  test('a message is rejected only when no part has a use for it', async () => {
    const verdicts: Verdict[] = []
    const inner = shareTopics({
      subscribe: async (_topic, together) => {
        verdicts.push(await together.receive(message('x'), 'mallory'))
        return async () => undefined
      },
      publish: async () => undefined,
      backfill: async () => undefined,
      close: async () => undefined,
    })
    await inner.subscribe(topic, handler('reject'))
    expect(verdicts).toEqual(['reject'])
  })
})
