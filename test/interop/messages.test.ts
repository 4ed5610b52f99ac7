/** Application messages in both directions: out of order, late, empty and long (RFC 9420 §9.1, §15). */
import { utf8 } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import { IMPLEMENTATIONS } from './interop-group.ts'
import { four } from './people.ts'

describe.each(IMPLEMENTATIONS)('messages of a member with %s', (first) => {
  test('arrive in any order', async () => {
    const { group, alice, bob, charlie } = await four(first)
    const texts = Array.from({ length: 9 }, (_, i) => `message ${i}`)
    const messages: Uint8Array[] = []
    for (const text of texts) messages.push(await alice.send(utf8(text)))
    for (const i of [8, 0, 7, 1, 6, 2, 5, 3, 4]) {
      for (const member of [bob, charlie]) await group.hear(member, messages[i] as Uint8Array, texts[i] as string)
    }
  })

  test('arrive once', async () => {
    const { alice, bob, charlie } = await four(first)
    const message = await alice.send(utf8('hello'))
    for (const member of [bob, charlie]) {
      await member.receive(message)
      await expect(member.receive(message)).rejects.toThrow()
    }
  })

  test('arrive after the epochs that follow theirs', async () => {
    const { group, alice, bob, charlie, dave } = await four(first)
    const early = [await alice.send(utf8('first')), await alice.send(utf8('second'))] as const
    await group.commit(bob)
    const later = await alice.send(utf8('third'))
    await group.commit(alice)
    await group.commit(charlie)
    for (const member of [bob, charlie, dave]) {
      await group.hear(member, later, 'third')
      await group.hear(member, early[1], 'second')
      await group.hear(member, early[0], 'first')
    }
    await group.everybodySpeaks()
  })

  test('may be empty or long', async () => {
    const { group, alice } = await four(first)
    for (const length of [0, 1, 63, 64, 16_383, 16_384, 100_000]) await group.say(alice, 'x'.repeat(length))
  })

  test('are not read by one who was removed, nor by one who came later', async () => {
    const { group, alice, bob, charlie } = await four(first)
    const early = await alice.send(utf8('before'))
    await group.commit(alice, { proposals: [{ type: 'remove', leafIndex: bob.leafIndex }] })
    await expect(bob.receive(await alice.send(utf8('after')))).rejects.toThrow()
    await group.add(charlie, [bob])
    await expect(bob.receive(early)).rejects.toThrow()
  })

  test('are not sent while proposals wait to be committed (§12.4)', async () => {
    const { group, alice, bob } = await four(first)
    await group.proposeUpdate(bob)
    await expect(alice.send(utf8('hello'))).rejects.toThrow(/proposals/)
    await group.commit(alice)
    await group.everybodySpeaks()
  })
})
