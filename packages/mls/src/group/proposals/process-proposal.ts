/** Receiving a proposal (RFC 9420 §12.1): what makes it acceptable, and the cache that commits refer to. */
import { toHex } from '@dmls/crypto'
import { invalid } from '../../errors.ts'
import type { AuthenticatedContent } from '../../wire/framing.ts'
import type { Proposal } from '../../wire/proposal.ts'
import type { CommittedProposal } from '../changes.ts'
import { policyOf } from '../policy.ts'
import type { ProcessedProposal } from '../results.ts'
import type { GroupPolicy, Services } from '../services.ts'
import type { GroupState } from '../state.ts'
import { introduceProposal } from './introduce.ts'
import { cacheEntry, withProposal } from './send-proposal.ts'
import { checkProposal } from './single.ts'

/** Caches a proposal whose signature has been verified. @throws MlsError if nobody could commit it in this epoch */
export async function processProposal(
  state: GroupState,
  authenticated: AuthenticatedContent,
  proposal: Proposal,
  services: Services,
): Promise<ProcessedProposal> {
  const policy = policyOf(services)
  const { sender, authenticatedData } = authenticated.content
  const cached = cacheEntry(state, authenticated, proposal)
  const { reference } = cached
  const outcome = {
    kind: 'proposal',
    reference,
    proposal,
    sender,
    authenticatedData,
    superseded: [],
    created: [],
  } as const
  if (state.proposals.has(toHex(reference))) return { ...outcome, state }
  checkAdmission(state, authenticated, proposal, policy)
  const entry: CommittedProposal = { proposal, sender, reference }
  checkProposal({ ...state, policy, resumption: 'application', sendingAt: undefined }, entry)
  await introduceProposal(state, entry, services, 'received')
  return { ...outcome, state: { ...state, proposals: withProposal(state, cached) } }
}

function checkAdmission(
  state: GroupState,
  { content, wireFormat }: AuthenticatedContent,
  proposal: Proposal,
  policy: GroupPolicy,
): void {
  if (state.proposals.size >= policy.cachedProposalsMax) {
    throw invalid('too_many_proposals', 'this epoch has as many proposals as are kept')
  }
  if (content.sender.senderType === 'new_member_proposal' && policy.newMemberProposals === 'none') {
    // RFC 9420 §12.1.8: external proposals that are not authorized are considered invalid
    throw invalid('new_member_proposal_refused', 'newcomers may not propose their own addition here')
  }
  if (proposal.proposalType === 'self_remove' && wireFormat !== 'mls_public_message') {
    throw invalid('self_remove_private', 'a SelfRemove was not sent as a PublicMessage') // MLS extensions draft
  }
}
