/** Leaving out cached PreSharedKey proposals whose key is not here, so that nobody can block a committer with one. */
import { findPsk, type PskLookup } from '../psk.ts'
import type { DroppedProposal } from '../results.ts'
import type { CachedProposal } from '../state.ts'

export async function withoutMissingPsks(
  proposals: readonly CachedProposal[],
  lookup: PskLookup,
): Promise<{ readonly proposals: readonly CachedProposal[]; readonly dropped: readonly DroppedProposal[] }> {
  const found = await Promise.all(
    proposals.map(
      async ({ proposal }) =>
        proposal.proposalType !== 'psk' || (await findPsk(proposal.psk.psk, lookup)) !== undefined,
    ),
  )
  const missing = proposals.filter((_, i) => found[i] !== true)
  const dropped = missing.map((proposal) => ({ proposal, reason: 'psk_not_found' as const, code: 'psk_not_found' }))
  return { proposals: proposals.filter((_, i) => found[i] === true), dropped }
}
