/** From what a commit lists to the proposals themselves (RFC 9420 §12.4): references are looked up in the epoch's cache. */
import { toHex } from '@dmls/crypto'
import { invalid, missing } from '../../errors.ts'
import type { Commit } from '../../wire/commit.ts'
import type { Sender } from '../../wire/framing.ts'
import type { CommittedProposal } from '../changes.ts'
import type { CachedProposal } from '../state.ts'

const NO_PROPOSALS: readonly CommittedProposal[] = []

/**
 * The proposals of a commit in its order, each with its author.
 * @throws MlsError `proposal_not_found` (missing), `reference_in_external_commit`, `duplicate_reference`
 */
export function resolveProposals(
  commit: Commit,
  sender: Sender,
  cache: ReadonlyMap<string, CachedProposal>,
): readonly CommittedProposal[] {
  if (commit.proposals.length === 0) return NO_PROPOSALS
  const seen = new Set<string>()
  return commit.proposals.map((entry) => {
    if (entry.type === 'proposal') return { proposal: entry.proposal, sender, reference: undefined }
    const key = toHex(entry.reference)
    if (seen.has(key)) throw invalid('duplicate_reference', 'a commit refers to one proposal twice')
    seen.add(key)
    const cached = cache.get(key)
    if (cached === undefined) {
      throw missing('proposal_not_found', 'a commit refers to a proposal that is not here', { reference: key })
    }
    if (sender.senderType === 'new_member_commit' && cached.proposal.proposalType !== 'self_remove') {
      // RFC 9420 §12.4.3.2: an external commit MUST NOT include proposals by reference (but SelfRemove, by the extensions draft)
      throw invalid('reference_in_external_commit', 'an external commit refers to a proposal')
    }
    return { proposal: cached.proposal, sender: cached.sender, reference: cached.reference }
  })
}
