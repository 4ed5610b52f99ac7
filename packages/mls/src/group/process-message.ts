/**
 * Processing whatever arrives in an epoch: application messages, proposals and commits (RFC 9420 §6, §12, §15). Pure: a
 * failure changes nothing, and what is returned can be dropped.
 */
import { equalBytes, toHex, wipe } from '@dmls/crypto'
import { encodeWhole } from '../codec/writer.ts'
import { MlsError } from '../errors.ts'
import { proposalRef } from '../schedule/labeled.ts'
import { type AuthenticatedContent, encodeAuthenticatedContent } from '../wire/framing.ts'
import { type MlsMessage, mlsMessageBytes } from '../wire/mls-message.ts'
import { faultOfSender } from './blame.ts'
import { processCommit } from './commit/process-commit.ts'
import { policyOf } from './policy.ts'
import { processProposal } from './proposals/process-proposal.ts'
import type { Processed, ProcessedCommit, ProcessedOwn } from './results.ts'
import type { GroupPolicy, Services } from './services.ts'
import type { GroupState } from './state.ts'
import { type Unprotected, unprotect, unprotectOwn, verifySender } from './unprotect.ts'

/**
 * What a message means in this state. For a commit that is the child epoch, ready to be taken; the input state is left
 * as it was and can process a rival.
 * @throws MlsError with one code for each check: `malformed` and `invalid` messages are refused for good, `missing` ones
 * (`future_epoch`, `proposal_not_found`, `psk_not_found`) may be tried again
 */
export async function processMessage(state: GroupState, message: MlsMessage, services: Services): Promise<Processed> {
  const policy = policyOf(services)
  const opened = unprotect(state, message, policy)
  if (opened.kind === 'own_private') {
    const { contentType, authenticatedData } = opened
    if (contentType === 'commit') return ownPrivateCommit(state, message, policy)
    return { kind: 'own', contentType, authenticatedData, remembered: false }
  }
  try {
    return await processOpened(state, message, opened, services)
  } catch (error) {
    wipe(...opened.created)
    throw message.wireFormat === 'mls_private_message' ? faultOfSender(error) : error
  }
}

async function processOpened(
  before: GroupState,
  message: MlsMessage,
  opened: Unprotected,
  services: Services,
): Promise<Processed> {
  const { authenticated, state, superseded, created } = opened
  const { content } = authenticated
  await verifySender(state, authenticated)
  state.profile.checkContent(content, state.context, state.epochId)
  const body = content.content
  if (body.contentType !== 'application' && isOwn(state, authenticated)) {
    const own = ownPublic(before, message, authenticated)
    if (own !== undefined) return own
  }
  switch (body.contentType) {
    case 'application': {
      const { sender, authenticatedData } = content
      if (sender.senderType !== 'member') throw unreachable()
      const generation = opened.generation ?? 0
      const { applicationData } = body
      return {
        kind: 'application',
        state,
        sender: sender.leafIndex,
        applicationData,
        authenticatedData,
        generation,
        superseded,
        created,
      }
    }
    case 'proposal': {
      const processed = await processProposal(state, authenticated, body.proposal, services)
      return { ...processed, superseded: [...superseded, ...processed.superseded], created }
    }
    case 'commit': {
      const processed = await commitOf(state, authenticated, services)
      return {
        ...processed,
        superseded: [...superseded, ...processed.superseded],
        created: [...created, ...processed.created],
      }
    }
  }
}

function commitOf(
  state: GroupState,
  authenticated: AuthenticatedContent,
  services: Services,
): Promise<ProcessedCommit> {
  const { content, auth } = authenticated
  const { sender } = content
  if (content.content.contentType !== 'commit' || auth.confirmationTag === undefined) {
    throw unreachable()
  }
  if (sender.senderType !== 'member' && sender.senderType !== 'new_member_commit') {
    throw unreachable()
  }
  const { commit } = content.content
  return processCommit(state, { authenticated, sender, commit, confirmationTag: auth.confirmationTag }, services)
}

/** Framing has refused what would lead here: only members send application data, only commits have tags. */
function unreachable(): MlsError {
  return new MlsError('internal', 'unreachable', 'framing let through what it must refuse')
}

function isOwn(state: GroupState, { content }: AuthenticatedContent): boolean {
  return content.sender.senderType === 'member' && content.sender.leafIndex === state.ownLeaf
}

/** A PublicMessage of ours, its signature verified; undefined for a proposal that this state does not know yet. */
function ownPublic(
  state: GroupState,
  message: MlsMessage,
  authenticated: AuthenticatedContent,
): ProcessedOwn | undefined {
  const { authenticatedData, content: body } = authenticated.content
  const own = { kind: 'own', contentType: body.contentType, authenticatedData } as const
  if (body.contentType === 'commit') return { ...own, remembered: isOwnCommit(state, message) }
  const reference = proposalRef(state.suite, encodeWhole(authenticated, encodeAuthenticatedContent))
  return state.proposals.has(toHex(reference)) ? { ...own, remembered: true } : undefined
}

async function ownPrivateCommit(state: GroupState, message: MlsMessage, policy: GroupPolicy): Promise<ProcessedOwn> {
  if (message.wireFormat !== 'mls_private_message') throw unreachable()
  const { contentType, authenticatedData } = message.privateMessage
  const own = { kind: 'own', contentType, authenticatedData } as const
  if (isOwnCommit(state, message)) return { ...own, remembered: true }
  // made from an earlier copy of this state, or by one who only claims to be us: the signature tells
  const opened = unprotectOwn(state, message.privateMessage, policy)
  wipe(...opened.created)
  await verifySender(state, opened.authenticated)
  return { ...own, remembered: false }
}

function isOwnCommit(state: GroupState, message: MlsMessage): boolean {
  if (state.ownCommits.length === 0) return false
  const hash = state.suite.hash(mlsMessageBytes(message))
  return state.ownCommits.some((own) => equalBytes(own, hash))
}
