/**
 * Sending in an epoch: application messages and control messages. Every message carries the sender's next counter in
 * its authenticated data, which orders one member's messages for the fork choice (protocol §6).
 */

import { type MlsMessage, protectApplication, usage } from '@dmls/mls'
import { type DmlsEpoch, identifierBytes } from '../dag/identifiers.ts'
import { type ApplicationContent, encodeApplicationContent, speaksFor } from '../message/application-content.ts'
import { encodeAuthenticatedData } from '../message/authenticated-data.ts'
import { encodeDmlsMessage } from '../message/dmls-message.ts'
import { chooseHead } from './choose-head.ts'
import { heldEpoch, selfIn } from './lookup.ts'
import { mlsServices } from './mls-services.ts'
import type { DmlsGroupState, DmlsServices, HeldEpoch, Step } from './state.ts'
import { StepBuilder } from './step.ts'

export interface SentMessage extends Step {
  /** The encoded DMLSMessage. */
  readonly wire: Uint8Array
}

/** The wire form of a message of an epoch. */
export function dmlsMessageBytes(message: MlsMessage, epoch: DmlsEpoch): Uint8Array {
  return encodeDmlsMessage({ message, dmlsEpoch: identifierBytes(epoch) })
}

/**
 * Whether this state may send. @throws MlsError `usage`/`state_lost` while it is a copy, or one that was restored: what
 * it would use may be used already
 */
export function checkMaySpeak({ isLost }: DmlsGroupState): void {
  if (isLost) throw usage('state_lost', 'this state went on elsewhere; it sends again when it has come back')
}

/** Adds one application message of `epoch` to a step. */
export async function sendIn(
  builder: StepBuilder,
  epoch: DmlsEpoch,
  content: ApplicationContent,
  services: DmlsServices,
): Promise<Uint8Array> {
  const held: HeldEpoch = heldEpoch(builder.state, epoch)
  const counter = builder.state.counter + 1n
  const sent = await protectApplication(
    held.group,
    encodeApplicationContent(content),
    {
      authenticatedData: encodeAuthenticatedData({ counter, resolves: [], application: new Uint8Array(0) }),
      signer: services.signerFor(ownSignatureKey(held)),
      // docs/protocol.md: a proposal that somebody leaves in an epoch must not keep the others from speaking there
      pendingProposals: 'ignore',
    },
    mlsServices(services),
  )
  const sender = selfIn(builder.state, epoch)
  builder
    .hold(epoch, { ...held, group: sent.state })
    .set({ counter })
    .supersede(sent.superseded)
    .create(sent.created)
  if (speaksFor(content)) builder.witness({ sender, counter, epoch })
  return dmlsMessageBytes(sent.message, epoch)
}

/** The signature public key of our own leaf in an epoch. */
export function ownSignatureKey(held: HeldEpoch): Uint8Array {
  return held.group.tree.leaf(held.group.ownLeaf)?.signatureKey as Uint8Array
}

/** An application or control message in the chosen epoch. */
export async function sendMessage(
  state: DmlsGroupState,
  content: ApplicationContent,
  services: DmlsServices,
): Promise<SentMessage> {
  checkMaySpeak(state)
  const builder = new StepBuilder(state)
  const wire = await sendIn(builder, state.head, content, services)
  chooseHead(builder)
  return { ...builder.finish(), wire }
}
