/** Messages belong to one branch (protocol §4): scenarios 4, 5 and 23. */
import { certifyGroupKey } from '@dmls/client'
import type { Signer } from '@dmls/crypto'
import {
  decodeDmlsMessage,
  dmlsEpoch,
  encodeDmlsMessage,
  encodeExternalAuthenticatedData,
  heldEpoch,
  identifierBytes,
} from '@dmls/dmls'
import {
  createExternalProposal,
  createNewMemberProposal,
  type Extension,
  externalSendersExtension,
  type PreSharedKeyId,
} from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import { Actor, fingerprint } from './actor.ts'
import { wrap } from './forge.ts'
import { actors, groupOf } from './story.ts'

/** The same MLSMessage with another word on where it belongs. */
function redirect(wire: Uint8Array, epoch: Uint8Array): Uint8Array {
  return encodeDmlsMessage({ message: decodeDmlsMessage(wire).message, dmlsEpoch: epoch })
}

/** Bob and charlie commit at once; alice holds both branches, and each of the other two only their own. */
async function forked(extensions: readonly Extension[] = []) {
  const [alice, bob, charlie] = (await actors(['alice', 'bob', 'charlie'])) as [Actor, Actor, Actor]
  await groupOf([alice, bob, charlie], {}, extensions)
  const origin = alice.head
  const left = await bob.commit()
  const right = await charlie.commit()
  await alice.receive(left.wire, right.wire)
  return { alice, bob, charlie, origin, left, right }
}

describe('a message of one branch', () => {
  test('scenario 4: application messages and commits of one branch are refused on the other, and accepted on their own', async () => {
    const { alice, bob, left, right } = await forked()
    const text = await bob.say('on the left')
    const commit = await bob.commit()
    const before = fingerprint(alice.state)
    for (const wire of [text, commit.wire]) {
      const [outcome] = await alice.receive(redirect(wire, identifierBytes(right.epoch)))
      expect(outcome).toBe('refused: sender_data_open_failed')
    }
    expect(fingerprint(alice.state)).toBe(before)
    expect(await alice.receive(text, commit.wire)).toEqual(['application', 'commit'])
    expect(alice.texts).toEqual([{ text: 'on the left', sender: bob.self, epoch: left.epoch }])
  })

  test('scenario 4: a proposal of an external sender counts on the branch that it names, and on no other', async () => {
    const authority = await Actor.create('authority')
    const signer: Signer = await authority.newSigner()
    const credential = await certifyGroupKey(authority.identity, signer.publicKey)
    const senders = externalSendersExtension([{ signatureKey: signer.publicKey, credential }])
    const { alice, left, right } = await forked([senders])
    const { groupId, epoch } = heldEpoch(alice.state, left.epoch).group.context
    const proposal = await createExternalProposal({
      groupId,
      epoch,
      signer,
      senderIndex: 0,
      proposal: { proposalType: 'remove', removed: 2 },
      authenticatedData: encodeExternalAuthenticatedData(identifierBytes(left.epoch), {
        counter: 1n,
        resolves: [],
        application: new Uint8Array(0),
      }),
    })
    const before = fingerprint(alice.state)
    expect(await alice.receive(wrap(proposal, right.epoch))).toEqual(['refused: unbound_external_message'])
    expect(fingerprint(alice.state)).toBe(before)
    expect(await alice.receive(wrap(proposal, left.epoch))).toEqual(['proposal'])
    // scenario 5: the proposal is in the cache of that one epoch
    expect(heldEpoch(alice.state, left.epoch).group.proposals.size).toBe(1)
    expect(heldEpoch(alice.state, right.epoch).group.proposals.size).toBe(0)
  })

  test('scenario 4: an external message that names no epoch counts nowhere', async () => {
    const dave = await Actor.create('dave')
    const { alice, left, right } = await forked()
    const { groupId, epoch } = heldEpoch(alice.state, left.epoch).group.context
    const keyPackage = await dave.keyPackage()
    const signer = dave.services.signerFor(keyPackage.leafNode.signatureKey)
    const unbound = await createNewMemberProposal({ groupId, epoch, signer, keyPackage })
    const bound = await createNewMemberProposal({
      groupId,
      epoch,
      signer,
      keyPackage,
      authenticatedData: identifierBytes(left.epoch),
    })
    for (const branch of [left.epoch, right.epoch]) {
      expect(await alice.receive(wrap(unbound, branch))).toEqual(['refused: unbound_external_message'])
    }
    expect(await alice.receive(wrap(bound, right.epoch))).toEqual(['refused: unbound_external_message'])
    // on its own branch it gets as far as the policy of the group, which takes no such proposals
    expect(await alice.receive(wrap(bound, left.epoch))).toEqual(['refused: new_member_proposal_refused'])
  })
})

describe('two epochs of one number', () => {
  /** The resumption PSK of the epoch with this number, whichever that is. */
  function resumption(member: Actor, pskEpoch: bigint): PreSharedKeyId {
    const { groupId: pskGroupId } = member.state
    const psk = { pskType: 'resumption', usage: 'application', pskGroupId, pskEpoch } as const
    return { psk, pskNonce: member.services.random(32) }
  }

  test('scenario 5: a resumption PSK is the one of the branch that names it', async () => {
    const { alice, bob, charlie, left, right } = await forked()
    const number = heldEpoch(alice.state, left.epoch).group.context.epoch
    expect(heldEpoch(alice.state, right.epoch).group.context.epoch).toBe(number)
    // one commit later, so that the PSK is that of an ancestor
    await alice.receive((await bob.commit()).wire, (await charlie.commit()).wire)
    for (const author of [bob, charlie]) {
      const made = await author.commit({ psks: [resumption(author, number)] })
      expect(await alice.receive(made.wire)).toEqual(['commit'])
      const ours = heldEpoch(alice.state, made.epoch).group.secrets.epochAuthenticator
      expect(ours).toEqual(heldEpoch(author.state, made.epoch).group.secrets.epochAuthenticator)
    }
  })

  test('scenario 5: a resumption PSK of an epoch that is not on the branch is not found', async () => {
    const { bob, right } = await forked()
    const future = heldEpoch(bob.state, bob.head).group.context.epoch + 1n
    await expect(bob.commit({ psks: [resumption(bob, future)] })).rejects.toThrow('a pre-shared key is not here')
    expect(bob.state.dag.has(right.epoch)).toBe(false)
  })
})

describe('a forged dmls_epoch', () => {
  test('scenario 23: naming another or an unknown epoch changes nothing and does not hide the right copy', async () => {
    const { alice, bob, origin, left, right } = await forked()
    const text = await bob.say('still readable')
    const before = fingerprint(alice.state)
    const unknown = dmlsEpoch(new Uint8Array(32).fill(7))
    for (const epoch of [right.epoch, origin, unknown]) {
      const [outcome] = await alice.receive(redirect(text, identifierBytes(epoch)))
      expect(outcome).toMatch(/^refused/)
      expect(fingerprint(alice.state)).toBe(before)
    }
    expect(await alice.receive(redirect(text, identifierBytes(left.epoch)))).toEqual(['application'])
    expect(alice.texts.map(({ text: said }) => said)).toEqual(['still readable'])
  })

  test('scenario 23: a commit under a forged header punctures nothing', async () => {
    const { alice, bob, charlie, origin } = await forked()
    const [dave] = (await actors(['dave'])) as [Actor]
    const made = await bob.commit({ add: [await dave.keyPackage()] })
    const before = fingerprint(charlie.state)
    expect(await charlie.receive(redirect(made.wire, identifierBytes(origin)))).toEqual(['refused: future_epoch'])
    expect(fingerprint(charlie.state)).toBe(before)
    expect(await alice.receive(made.wire)).toEqual(['commit'])
  })
})
