import { systemRandom, toHex } from '@dmls/crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Writer } from '../../src/codec/writer.ts'
import { verifyContentSignature } from '../../src/framing/authenticated-content.ts'
import { noPadding, padme, padToMultiple } from '../../src/framing/padding.ts'
import { deriveSenderDataKey, protectPrivate, unprotectPrivate } from '../../src/framing/private-message.ts'
import { createSecretTree, SECRET_TREE_LIMITS } from '../../src/schedule/secret-tree.ts'
import { encodeFramedContentAuthData, type PrivateMessage } from '../../src/wire/framing.ts'
import { lingering, recording } from '../recording-suite.ts'
import { suite, suites } from '../suites.ts'
import {
  ALICE,
  APPLICATION,
  BLANK,
  BOB,
  COMMIT,
  type Epoch,
  encrypted,
  flipped,
  openEpoch,
  PROPOSAL,
  receiving,
  signed,
} from './messages.ts'

const epoch: Epoch = await openEpoch(suite)

function refusal(blame: string, code: string): unknown {
  return expect.objectContaining({ name: 'MlsError', blame, code })
}

/** A message as an insider may forge it: its own plaintext and sender data, correctly encrypted. */
function forged(
  plaintext: Uint8Array,
  senderData: { leafIndex: number; generation: number },
  like: PrivateMessage,
): PrivateMessage {
  const { suite, secretTree, senderDataSecret } = epoch
  const prefix = new Writer().opaque(like.groupId).uint64(like.epoch).uint8(1).finish()
  const aad = new Writer().fixed(prefix).opaque(like.authenticatedData).finish()
  const step = secretTree.receiveKey(ALICE, 'application', 0, SECRET_TREE_LIMITS)
  const ciphertext = suite.seal(step.key, step.nonce, aad, plaintext)
  const { key, nonce } = deriveSenderDataKey(suite, senderDataSecret, ciphertext)
  const encoded = new Writer().uint32(senderData.leafIndex).uint32(senderData.generation).zeros(4).finish()
  return { ...like, ciphertext, encryptedSenderData: suite.seal(key, nonce, prefix, encoded) }
}

async function plaintextOf(padding: readonly number[]): Promise<Uint8Array> {
  const { auth } = await signed(epoch, 'mls_private_message', APPLICATION)
  const writer = new Writer().opaque(Uint8Array.from([104, 105]))
  encodeFramedContentAuthData(writer, auth)
  return writer.fixed(Uint8Array.from(padding)).finish()
}

describe('a private message', () => {
  test('of every suite and kind of content opens to what alice signed', async () => {
    for (const suite of suites) {
      const epoch = await openEpoch(suite)
      for (const content of [APPLICATION, PROPOSAL, COMMIT]) {
        const message = await encrypted(epoch, content)
        const { authenticatedContent, generation } = unprotectPrivate(suite, receiving(epoch, message))
        expect(generation).toBe(0)
        expect(authenticatedContent.content.content).toEqual(content)
        expect(authenticatedContent.content.sender).toEqual({ senderType: 'member', leafIndex: ALICE })
        await verifyContentSignature(suite, epoch.signer.publicKey, authenticatedContent, epoch.groupContext)
      }
    }
  })

  test('takes a fresh key for each message, from the ratchet of its kind', async () => {
    const { senderDataSecret } = epoch
    const authenticatedContent = await signed(epoch, 'mls_private_message', APPLICATION)
    const send = (secretTree: Epoch['secretTree']) =>
      protectPrivate(suite, { senderDataSecret, secretTree, authenticatedContent, random: systemRandom })
    const first = send(epoch.secretTree)
    const second = send(first.secretTree)
    let tree = epoch.secretTree
    for (const [index, { message }] of [first, second].entries()) {
      const opened = unprotectPrivate(suite, { ...receiving(epoch, message), secretTree: tree })
      expect(opened.generation).toBe(index)
      tree = opened.secretTree
    }
    const proposal = await encrypted(epoch, PROPOSAL)
    expect(unprotectPrivate(suite, { ...receiving(epoch, proposal), secretTree: tree }).generation).toBe(0)
  })

  test('opens once: a replay is refused', async () => {
    const message = await encrypted(epoch, APPLICATION)
    const { secretTree } = unprotectPrivate(suite, receiving(epoch, message))
    expect(() => unprotectPrivate(suite, { ...receiving(epoch, message), secretTree })).toThrow(
      refusal('invalid', 'generation_used'),
    )
  })

  test('uses a fresh reuse guard, so that one generation used twice is not one nonce used twice', async () => {
    const authenticatedContent = await signed(epoch, 'mls_private_message', APPLICATION)
    const { senderDataSecret, secretTree } = epoch
    const guards: Uint8Array[] = []
    const random = (length: number): Uint8Array => {
      const bytes = systemRandom(length)
      guards.push(bytes.slice())
      return bytes
    }
    const sent = [0, 1].map(
      () => protectPrivate(suite, { senderDataSecret, secretTree, authenticatedContent, random }).message,
    )
    expect(guards.map((guard) => guard.length)).toEqual([4, 4])
    expect(toHex(sent[0]?.ciphertext as Uint8Array)).not.toBe(toHex(sent[1]?.ciphertext as Uint8Array))
    for (const message of sent) unprotectPrivate(suite, receiving(epoch, message))
  })

  test('with any byte of it changed is refused and changes nothing', async () => {
    const message = await encrypted(epoch, APPLICATION)
    const writer = () => {
      const bytes = new Writer()
      epoch.secretTree.encode(bytes)
      return toHex(bytes.finish())
    }
    const before = writer()
    const fields = ['groupId', 'authenticatedData', 'encryptedSenderData', 'ciphertext'] as const
    for (const field of fields) {
      for (let at = 0; at < message[field].length; at++) {
        const changed = { ...message, [field]: flipped(message[field], at) }
        expect(() => unprotectPrivate(suite, receiving(epoch, changed))).toThrow(
          expect.objectContaining({ name: 'MlsError', blame: 'invalid' }),
        )
      }
    }
    for (const changed of [
      { ...message, epoch: message.epoch + 1n },
      { ...message, contentType: 'proposal' as const },
      { ...message, ciphertext: new Uint8Array(0) },
      { ...message, ciphertext: message.ciphertext.slice(1) },
    ]) {
      expect(() => unprotectPrivate(suite, receiving(epoch, changed))).toThrow(
        refusal('invalid', 'sender_data_open_failed'),
      )
    }
    for (const size of [0, 1, 27, 29]) {
      const changed = { ...message, encryptedSenderData: new Uint8Array(size) }
      expect(() => unprotectPrivate(suite, receiving(epoch, changed))).toThrow(refusal('invalid', 'bad_sender_data'))
    }
    expect(writer()).toBe(before)
  })

  test('whose content does not decrypt names the content', async () => {
    const like = await encrypted(epoch, APPLICATION)
    // the key of generation 1 under the name of generation 0
    const message = forged(await plaintextOf([]), { leafIndex: ALICE, generation: 1 }, like)
    expect(() => unprotectPrivate(suite, receiving(epoch, message))).toThrow(refusal('invalid', 'content_open_failed'))
  })

  test('that names a blank leaf, or one outside the tree, is refused before any key is derived', async () => {
    const like = await encrypted(epoch, APPLICATION)
    for (const leafIndex of [BLANK, 4, 0xffffffff]) {
      const message = forged(await plaintextOf([]), { leafIndex, generation: 0 }, like)
      expect(() => unprotectPrivate(suite, receiving(epoch, message))).toThrow(refusal('invalid', 'blank_sender'))
    }
  })

  test('from far ahead is refused without the work', async () => {
    const like = await encrypted(epoch, APPLICATION)
    const message = forged(await plaintextOf([]), { leafIndex: ALICE, generation: 0xffffffff }, like)
    expect(() => unprotectPrivate(suite, receiving(epoch, message))).toThrow(refusal('invalid', 'generation_too_far'))
  })

  test("whose padding is not zero is refused, and is its sender's fault, not the relay's", async () => {
    const like = await encrypted(epoch, APPLICATION)
    const send = async (padding: readonly number[]) =>
      forged(await plaintextOf(padding), { leafIndex: ALICE, generation: 0 }, like)
    for (const padding of [[1], [0, 0, 0, 0x80], [2, ...new Array<number>(40).fill(0)]]) {
      const message = await send(padding)
      expect(() => unprotectPrivate(suite, receiving(epoch, message))).toThrow(refusal('invalid', 'nonzero_padding'))
    }
    const zeros = await send([0, 0, 0])
    expect(unprotectPrivate(suite, receiving(epoch, zeros)).authenticatedContent.content.content).toEqual(APPLICATION)
  })

  test('whose plaintext is malformed is refused as invalid', async () => {
    const like = await encrypted(epoch, APPLICATION)
    for (const plaintext of [[], [5, 1], [0xc0], [0x40, 0x01, 7]]) {
      const message = forged(Uint8Array.from(plaintext), { leafIndex: ALICE, generation: 0 }, like)
      expect(() => unprotectPrivate(suite, receiving(epoch, message))).toThrow(refusal('invalid', 'malformed_content'))
    }
  })

  test("under alice's ratchet but signed by another is caught by its signature", async () => {
    const mallory = await openEpoch(suite)
    const message = await encrypted({ ...epoch, signer: mallory.signer }, APPLICATION)
    const { authenticatedContent } = unprotectPrivate(suite, receiving(epoch, message))
    const verify = verifyContentSignature(suite, epoch.signer.publicKey, authenticatedContent, epoch.groupContext)
    await expect(verify).rejects.toThrow(expect.objectContaining({ code: 'bad_signature' }))
  })

  test('is refused to senders who are no members, and to content signed for another wire format', async () => {
    const publicly = await signed(epoch, 'mls_public_message', PROPOSAL)
    const { senderDataSecret, secretTree } = epoch
    const options = { senderDataSecret, secretTree, random: systemRandom }
    expect(() => protectPrivate(suite, { ...options, authenticatedContent: publicly })).toThrow(
      refusal('usage', 'bad_wire_format'),
    )
    const outsider = { senderType: 'external', senderIndex: 0 } as const
    const external = {
      ...publicly,
      wireFormat: 'mls_private_message',
      content: { ...publicly.content, sender: outsider },
    } as const
    expect(() => protectPrivate(suite, { ...options, authenticatedContent: external })).toThrow(
      refusal('invalid', 'bad_sender'),
    )
    const commit = await signed(epoch, 'mls_private_message', COMMIT)
    const untagged = { ...commit, auth: { ...commit.auth, confirmationTag: undefined } }
    expect(() => protectPrivate(suite, { ...options, authenticatedContent: untagged })).toThrow(
      refusal('usage', 'bad_confirmation_tag'),
    )
  })

  test('of bob opens beside one of alice', async () => {
    const message = await encrypted(epoch, APPLICATION, { senderType: 'member', leafIndex: BOB })
    const { authenticatedContent } = unprotectPrivate(suite, receiving(epoch, message))
    expect(authenticatedContent.content.sender).toEqual({ senderType: 'member', leafIndex: BOB })
  })

  test('leaves no key, nonce or plaintext behind, neither where it is made nor where it is opened or refused', async () => {
    const recorded = recording(suite)
    const authenticatedContent = await signed(epoch, 'mls_private_message', APPLICATION)
    const { senderDataSecret } = epoch
    const secretTree = createSecretTree(recorded, new Uint8Array(32).fill(5), 4)
    const { message, created: sent } = protectPrivate(recorded, {
      senderDataSecret,
      secretTree,
      authenticatedContent,
      random: systemRandom,
    })
    expect(lingering(recorded, sent)).toEqual([])

    const receiver = recording(suite)
    const fresh = {
      ...receiving(epoch, message),
      secretTree: createSecretTree(receiver, new Uint8Array(32).fill(5), 4),
    }
    for (const changed of [flipped(message.ciphertext, 40), flipped(message.ciphertext, 0)]) {
      expect(() => unprotectPrivate(receiver, { ...fresh, message: { ...message, ciphertext: changed } })).toThrow()
    }
    expect(lingering(receiver, [])).toEqual([])
    const { created } = unprotectPrivate(receiver, fresh)
    expect(lingering(receiver, created)).toEqual([])
  })

  test('that is given up leaves no buffers behind', async () => {
    const message = await encrypted(epoch, APPLICATION)
    const { created, secretTree } = unprotectPrivate(suite, receiving(epoch, message))
    expect(created.length).toBeGreaterThan(0)
    for (const secret of created) secret.fill(0)
    const bytes = new Writer()
    secretTree.encode(bytes)
    expect(bytes.finish().filter((byte) => byte > 2).length).toBeLessThan(4)
    unprotectPrivate(suite, receiving(epoch, message))
  })
})

describe('padding', () => {
  test('to a multiple hides the length up to the block', async () => {
    const sizes = new Set<number>()
    for (const size of [0, 1, 50, 90]) {
      const content = { contentType: 'application', applicationData: new Uint8Array(size) } as const
      const message = await encrypted(epoch, content, undefined, padToMultiple(256))
      sizes.add(message.ciphertext.length)
      expect(unprotectPrivate(suite, receiving(epoch, message)).authenticatedContent.content.content).toEqual(content)
    }
    expect([...sizes]).toEqual([256 + suite.tagSize])
  })

  test('by Padmé adds at most 12 % and rounds to few sizes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 29 }), (size) => {
        const padded = size + padme(size)
        expect(padded).toBeGreaterThanOrEqual(size)
        expect(padded).toBeLessThanOrEqual(size * 1.12 + 1)
        expect(padme(padded)).toBe(0)
      }),
    )
    expect(new Set(Array.from({ length: 4096 }, (_, size) => size + padme(size))).size).toBeLessThan(200)
    expect(noPadding(77)).toBe(0)
  })

  test("that is no number of bytes is the caller's fault", async () => {
    for (const count of [-1, 0.5, Number.NaN]) {
      await expect(encrypted(epoch, APPLICATION, undefined, () => count)).rejects.toThrow(
        refusal('usage', 'bad_padding'),
      )
    }
    expect(() => padToMultiple(0)).toThrow(refusal('usage', 'bad_padding'))
  })
})
