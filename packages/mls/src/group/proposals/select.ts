/**
 * What a committer commits: its own proposals, and of those that others sent as many as fit together (RFC 9420 §12.2,
 * §12.4). A cached proposal that does not fit is left out and reported, so that no member can keep the group from
 * committing; a proposal of the committer's own that does not fit is an error.
 */
import { toHex } from '@dmls/crypto'
import { invalid, MlsError, missing } from '../../errors.ts'
import type { CommittedProposal } from '../changes.ts'
import type { DroppedProposal, DropReason } from '../results.ts'
import type { CachedProposal } from '../state.ts'
import { type Applied, applyProposals } from './apply.ts'
import { type Fault, faultOf } from './faults.ts'
import { checkProposalList, inRuleOrder, type ListScene, ProposalList } from './list-rules.ts'

export interface Selection {
  readonly applied: Applied
  readonly dropped: readonly DroppedProposal[]
}

type Candidate = CommittedProposal & { readonly cached: CachedProposal | undefined }

/** The proposals that `references` names, in the order of arrival. @throws MlsError `proposal_not_found` */
export function referencedProposals(
  cache: ReadonlyMap<string, CachedProposal>,
  references: 'none' | 'all' | readonly Uint8Array[],
): readonly CachedProposal[] {
  if (references === 'none') return []
  if (references === 'all') return [...cache.values()]
  return references.map((reference) => {
    const cached = cache.get(toHex(reference))
    if (cached === undefined) throw missing('proposal_not_found', 'a proposal to commit is not here')
    return cached
  })
}

/**
 * @param own proposals by value
 * @param cached proposals by reference, in the order of arrival
 * @param misfits what happens to a cached proposal that does not fit: it is left out, or the whole list is refused
 * @throws MlsError the fault of a proposal that may not be left out
 */
export function selectProposals(
  scene: ListScene,
  own: readonly CommittedProposal[],
  cached: readonly CachedProposal[],
  misfits: 'drop' | 'refuse',
): Selection {
  const selector = new Selector(scene, misfits)
  const candidates: Candidate[] = [
    ...own.map((entry) => ({ ...entry, cached: undefined })),
    ...cached.map((entry) => ({
      proposal: entry.proposal,
      sender: entry.sender,
      reference: entry.reference,
      cached: entry,
    })),
  ]
  return selector.select(candidates)
}

class Selector {
  readonly #scene: ListScene
  readonly #misfits: 'drop' | 'refuse'
  readonly #dropped: DroppedProposal[] = []

  constructor(scene: ListScene, misfits: 'drop' | 'refuse') {
    this.#scene = scene
    this.#misfits = misfits
  }

  select(candidates: readonly Candidate[]): Selection {
    let chosen = this.#withoutConflicts(candidates)
    while (true) {
      const outcome = this.#tryApply(chosen)
      if (outcome.fault === undefined) return { applied: outcome.applied, dropped: this.#dropped }
      chosen = this.#without(chosen, outcome.fault)
    }
  }

  /** Applies the rules of the list; where two proposals exclude each other, the preferred one is seen first. */
  #withoutConflicts(candidates: readonly Candidate[]): Candidate[] {
    const reinit = candidates.some((entry) => entry.cached === undefined && entry.proposal.proposalType === 'reinit')
    if (reinit) return this.#ownOnly(candidates)
    const list = new ProposalList(this.#scene)
    const kept = new Set<Candidate>()
    for (const candidate of inRuleOrder(inPreferenceOrder(candidates), (entry) => entry.proposal)) {
      const misfit = list.admit(candidate)
      if (misfit === undefined) kept.add(candidate)
      else this.#drop(candidate, misfit.reason, misfit.error)
    }
    return candidates.filter((candidate) => kept.has(candidate))
  }

  /** A ReInit of the committer's own stands alone. */
  #ownOnly(candidates: readonly Candidate[]): Candidate[] {
    const own = candidates.filter((entry) => entry.cached === undefined)
    checkProposalList(this.#scene, own)
    const alone = invalid('reinit_with_others', 'a ReInit stands beside another proposal')
    for (const entry of candidates) if (entry.cached !== undefined) this.#drop(entry, 'reinit_with_others', alone)
    return own
  }

  #tryApply(chosen: readonly Candidate[]): { fault: Fault } | { fault: undefined; applied: Applied } {
    const proposals = chosen.map(({ proposal, sender, reference }) => ({ proposal, sender, reference }))
    try {
      const applied = applyProposals(this.#scene, proposals, 'commit')
      const fault = faultOf(applied)
      return fault === undefined ? { fault, applied } : { fault }
    } catch (error) {
      if (!(error instanceof MlsError)) throw error
      // only a component of the application can refuse a list at this point
      return { fault: { error, blames: (entry) => entry.proposal.proposalType === 'app_data_update' } }
    }
  }

  #without(chosen: readonly Candidate[], fault: Fault): Candidate[] {
    const blamed = chosen.filter((entry) => entry.cached !== undefined && fault.blames(entry))
    if (blamed.length === 0) throw fault.error
    for (const entry of blamed) this.#drop(entry, dropReason(fault.error.code), fault.error)
    return chosen.filter((entry) => !blamed.includes(entry))
  }

  #drop(candidate: Candidate, reason: DropReason, error: MlsError): void {
    if (candidate.cached === undefined || this.#misfits === 'refuse') throw error
    this.#dropped.push({ proposal: candidate.cached, reason, code: error.code })
  }
}

/**
 * Own proposals first. Of the others, removals that members ask for themselves, and the latest of updates and of group
 * context extensions (RFC 9420 §12.2: "prefer any Remove received, or the most recent Update").
 */
function inPreferenceOrder(candidates: readonly Candidate[]): Candidate[] {
  const own = candidates.filter((candidate) => candidate.cached === undefined)
  const cached = candidates.filter((candidate) => candidate.cached !== undefined)
  const leaving = cached.filter(({ proposal }) => proposal.proposalType === 'self_remove')
  const latestFirst = cached
    .filter(
      ({ proposal }) => proposal.proposalType === 'update' || proposal.proposalType === 'group_context_extensions',
    )
    .reverse()
  const preferred = new Set([...leaving, ...latestFirst])
  return [...own, ...preferred, ...cached.filter((candidate) => !preferred.has(candidate))]
}

function dropReason(code: string): DropReason {
  if (code === 'duplicate_signature_key' || code === 'duplicate_encryption_key') return 'duplicate_client'
  return code === 'unsupported_proposal_type' ? code : 'invalid'
}
