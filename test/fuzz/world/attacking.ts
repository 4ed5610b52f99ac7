/** Everything that may arrive in a live epoch: from strangers, from outsiders with a say, and from a member that lies. */

import type { Content, Sender } from '@dmls/mls'
import { decodeMlsMessage, encodeContentBody, encodeWhole, type MlsMessage, mlsMessageBytes } from '@dmls/mls'
import { mutateBytes } from '../engine/byte-mutation.ts'
import type { Tape } from '../engine/tape.ts'
import { mutateValue } from '../engine/value-mutation.ts'
import { externalCommit, memberCommit } from './committing.ts'
import { type Disguise, type Envelope, honestDisguise, ordinaryEnvelope, protectedAnyhow, signed } from './forging.ts'
import type { AttackWorld } from './group-world.ts'
import { anyEntry, anyProposal } from './proposing.ts'

/** One message, encoded. It may fail to be made; that says nothing about the library. */
export async function anyMessage(world: AttackWorld, tape: Tape): Promise<Uint8Array> {
  switch (tape.below(10)) {
    case 0:
      return mutateBytes(mlsMessageBytes(tape.pick(world.messages)), tape, world.donors.byteStrings)
    case 1:
      return mlsMessageBytes(mutateValue(tape.pick(world.messages), tape, world.donors))
    case 2:
      return mlsMessageBytes(tape.pick(world.messages))
    case 3:
      return mlsMessageBytes(await memberProposal(world, tape))
    case 4:
      return mlsMessageBytes(await outsiderProposal(world, tape))
    case 5:
      return mlsMessageBytes(await externalCommit(world, tape))
    case 6:
      return mlsMessageBytes(await oddContent(world, tape))
    case 7:
      return mutateBytes(mlsMessageBytes(await memberCommit(world, tape)), tape, world.donors.byteStrings)
    default:
      return mlsMessageBytes(await memberCommit(world, tape))
  }
}

function envelopeOf(world: AttackWorld, tape: Tape): Envelope {
  const { state, person } = world.mallory
  const wireFormat = tape.once(2) ? 'mls_public_message' : 'mls_private_message'
  const envelope = ordinaryEnvelope(state, person.signer, wireFormat)
  return { ...envelope, authenticatedData: world.authenticatedData(tape, 'member') }
}

async function memberProposal(world: AttackWorld, tape: Tape): Promise<MlsMessage> {
  const { state } = world.mallory
  const content: Content = { contentType: 'proposal', proposal: await anyProposal(world, tape) }
  const framed = await signed(state, content, envelopeOf(world, tape))
  return protectedAnyhow(state, framed, honestDisguise(framed.content, tape.random()))
}

/** An external sender, or a newcomer; sometimes with an index or a key that is not its own. */
async function outsiderProposal(world: AttackWorld, tape: Tape): Promise<MlsMessage> {
  const { state } = world.mallory
  const newcomer = tape.once(2)
  const sybil = tape.pick(world.sybils)
  const sender: Sender = newcomer
    ? { senderType: 'new_member_proposal' }
    : { senderType: 'external', senderIndex: tape.once(6) ? tape.below(3) : 0 }
  const honest = newcomer && !tape.once(3)
  const proposal = honest
    ? ({ proposalType: 'add', keyPackage: sybil.bundle.keyPackage } as const)
    : await anyProposal(world, tape)
  const signer = newcomer ? sybil.person.signer : world.externalSender
  const ordinary = ordinaryEnvelope(state, signer, 'mls_public_message')
  const authenticatedData = world.authenticatedData(tape, 'outsider')
  const framed = await signed(state, { contentType: 'proposal', proposal }, { ...ordinary, sender, authenticatedData })
  return protectedAnyhow(state, framed, honestDisguise(framed.content, tape.random()))
}

/** Content of any type from any sender, and private messages whose inside is wrong. */
async function oddContent(world: AttackWorld, tape: Tape): Promise<MlsMessage> {
  const { state } = world.mallory
  const body = await anyContent(world, tape)
  const ordinary = envelopeOf(world, tape)
  const envelope = tape.once(3) ? mutateValue({ ...ordinary, signer: undefined }, tape, world.donors) : ordinary
  const framed = await signed(state, body, { ...envelope, signer: ordinary.signer })
  const content = body.contentType === 'commit' && !tape.once(4)
  const confirmationTag = content ? tape.random()(world.suite.hashSize) : undefined
  const authenticated = { ...framed, auth: { ...framed.auth, confirmationTag } }
  return protectedAnyhow(state, authenticated, disguiseOf(world, tape, authenticated.content, body))
}

async function anyContent(world: AttackWorld, tape: Tape): Promise<Content> {
  switch (tape.below(4)) {
    case 0:
    case 1:
      return { contentType: 'application', applicationData: tape.take(4) }
    case 2:
      return { contentType: 'proposal', proposal: await anyProposal(world, tape) }
    default:
      return { contentType: 'commit', commit: { proposals: [await anyEntry(world, tape)], path: undefined } }
  }
}

function disguiseOf(
  world: AttackWorld,
  tape: Tape,
  content: Parameters<typeof honestDisguise>[0],
  body: Content,
): Disguise {
  const honest = honestDisguise(content, tape.random())
  switch (tape.below(8)) {
    case 1:
      return { ...honest, leafIndex: tape.once(4) ? tape.uint32() : tape.below(9) }
    case 2:
      return { ...honest, generation: tape.pick([0, 1, 2, 7, 8, 20, 21, 22, 60, 1000, 0x7fffffff, 0xffffffff]) }
    case 3:
      return { ...honest, padding: tape.once(2) ? new Uint8Array(tape.below(300)) : tape.take(1 + tape.below(3)) }
    case 4:
      return { ...honest, contentType: tape.pick(['application', 'proposal', 'commit']) }
    case 5:
      return { ...honest, plaintext: tape.rest() }
    case 6:
      return { ...honest, plaintext: mutateBytes(encodeWhole(body, encodeContentBody), tape, world.donors.byteStrings) }
    default:
      return honest
  }
}

/** The message that the bytes are; for targets that begin behind the decoder. */
export function decoded(bytes: Uint8Array): MlsMessage {
  return decodeMlsMessage(bytes)
}
