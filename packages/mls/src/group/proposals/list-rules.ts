/**
 * RFC 9420 §12.2: which proposals may stand in one commit together. One set of rules for the committer, who chooses, and
 * for the receiver, who refuses. Rules that need the resulting tree (unique keys, capabilities): `faults.ts`.
 */
import { toHex } from '@dmls/crypto'
import { encodeWhole } from '../../codec/writer.ts'
import { invalid, MlsError } from '../../errors.ts'
import type { RatchetTree } from '../../tree/ratchet-tree.ts'
import type { GroupContext } from '../../wire/group-context.ts'
import type { Proposal } from '../../wire/proposal.ts'
import { encodePreSharedKeyId } from '../../wire/psk.ts'
import type { CommittedProposal } from '../changes.ts'
import type { DropReason } from '../results.ts'
import type { GroupPolicy } from '../services.ts'
import { checkProposal, type ProposalScene } from './single.ts'

/** Why a proposal does not fit: a rule of the list, or a fault of its own. */
export interface Misfit {
  readonly reason: DropReason
  readonly error: MlsError
}

export interface ListScene extends ProposalScene {
  readonly tree: RatchetTree
  readonly context: GroupContext
  readonly policy: GroupPolicy
  /** Leaf index of the committer; undefined for an external commit, whose author has no leaf yet. */
  readonly committer: number | undefined
}

function misfit(reason: DropReason, message: string): Misfit {
  return { reason, error: invalid(reason, message) }
}

/** Which proposals a rule needs to know of before it can judge others: who is removed before who is added. */
const PHASES: Record<Proposal['proposalType'], number> = {
  group_context_extensions: 0,
  self_remove: 1,
  remove: 1,
  update: 2,
  add: 3,
  psk: 4,
  external_init: 4,
  custom: 4,
  app_ephemeral: 4,
  app_data_update: 4,
  reinit: 5,
}

/** The proposals in the order in which {@link ProposalList.admit} must see them; stable within a phase. */
export function inRuleOrder<T>(entries: readonly T[], proposalOf: (entry: T) => Proposal): T[] {
  const phase = (entry: T): number => PHASES[proposalOf(entry).proposalType]
  return [...entries].sort((a, b) => phase(a) - phase(b))
}

/** The list of one commit as it grows. Feed it in {@link inRuleOrder}. */
export class ProposalList {
  readonly #scene: ListScene
  readonly #removed = new Set<number>()
  readonly #updated = new Set<number>()
  readonly #addedKeys = new Set<string>()
  readonly #psks = new Set<string>()
  readonly #appData = new Map<number, 'update' | 'remove'>()
  #size = 0
  #removes = 0
  #hasExtensions = false
  #hasReinit = false
  #externalInits = 0

  constructor(scene: ListScene) {
    this.#scene = scene
  }

  get externalInits(): number {
    return this.#externalInits
  }

  /** Takes a proposal into the list, or says why it cannot be in it; then the list is as it was. */
  admit(entry: CommittedProposal): Misfit | undefined {
    const misfit = this.#ownFault(entry) ?? this.#conflict(entry)
    if (misfit === undefined) this.#record(entry)
    return misfit
  }

  #ownFault(entry: CommittedProposal): Misfit | undefined {
    try {
      checkProposal(this.#scene, entry)
      return undefined
    } catch (error) {
      if (error instanceof MlsError) return { reason: 'invalid', error }
      throw error
    }
  }

  #conflict(entry: CommittedProposal): Misfit | undefined {
    const { proposal } = entry
    if (this.#hasReinit || (proposal.proposalType === 'reinit' && this.#size > 0)) {
      return misfit('reinit_with_others', 'a ReInit stands beside another proposal') // RFC 9420 §12.2: ReInit alone
    }
    if (this.#scene.committer === undefined) {
      const refusal = this.#externalConflict(proposal)
      if (refusal !== undefined) return refusal
    }
    switch (proposal.proposalType) {
      case 'group_context_extensions':
        return this.#hasExtensions
          ? misfit('duplicate_group_context_extensions', 'two proposals replace the group context extensions') // RFC 9420 §12.2: at most one
          : undefined
      case 'update':
        return this.#updateConflict(entry)
      case 'remove':
        return this.#removeConflict(proposal.removed)
      case 'self_remove':
        return this.#removeConflict(senderLeaf(entry))
      case 'add':
        return this.#addConflict(proposal.keyPackage.leafNode.signatureKey)
      case 'psk':
        return this.#psks.has(pskKey(proposal))
          ? misfit('duplicate_psk', 'two proposals inject the same pre-shared key') // RFC 9420 §12.2: each PSK once
          : undefined
      case 'app_data_update':
        return this.#appDataConflict(proposal.componentId, proposal.update === undefined ? 'remove' : 'update')
      // who may propose an ExternalInit, and that an external commit has one: `single.ts`, `checkProposalList`
      case 'external_init':
      case 'reinit':
      case 'app_ephemeral':
      case 'custom':
        return undefined
    }
  }

  /** RFC 9420 §12.2, external commits: one ExternalInit, at most one Remove, PSKs, and what later types allow themselves. */
  #externalConflict(proposal: Proposal): Misfit | undefined {
    switch (proposal.proposalType) {
      case 'remove':
        return this.#removes > 0
          ? misfit('not_committable', 'an external commit removes two members') // RFC 9420 §12.2: at most one
          : undefined
      case 'external_init':
      case 'psk':
      case 'self_remove':
      case 'app_data_update':
      case 'app_ephemeral':
        return undefined
      case 'custom':
        return this.#scene.policy.customProposals.get(proposal.type)?.externalCommits === true
          ? undefined
          : misfit('not_committable', 'an external commit carries a proposal type that it may not') // RFC 9420 §12.2: no other
      case 'add':
      case 'update':
      case 'reinit':
      case 'group_context_extensions':
        return misfit('not_committable', 'an external commit carries a proposal type that it may not') // RFC 9420 §12.2: no other
    }
  }

  #updateConflict(entry: CommittedProposal): Misfit | undefined {
    const leaf = senderLeaf(entry)
    if (leaf === this.#scene.committer) {
      return misfit('own_update', 'a commit carries an Update of its committer') // RFC 9420 §12.2: no Update by the committer
    }
    // RFC 9420 §12.2: no two Updates or Removes for one leaf
    if (this.#removed.has(leaf)) return misfit('leaf_removed', 'a leaf is updated and removed')
    return this.#updated.has(leaf) ? misfit('leaf_updated_later', 'a leaf is updated twice') : undefined // RFC 9420 §12.2
  }

  #removeConflict(leaf: number): Misfit | undefined {
    if (leaf === this.#scene.committer) {
      return misfit('removes_committer', 'a commit removes its committer') // RFC 9420 §12.2: not the committer
    }
    return this.#removed.has(leaf) ? misfit('leaf_removed', 'a leaf is removed twice') : undefined // RFC 9420 §12.2: once a leaf
  }

  #addConflict(signatureKey: Uint8Array): Misfit | undefined {
    if (this.#addedKeys.has(toHex(signatureKey))) {
      return misfit('duplicate_client', 'a client is added twice') // RFC 9420 §12.2: a client is added once
    }
    const holder = this.#scene.tree.findLeafBySignatureKey(signatureKey)
    return holder !== undefined && !this.#removed.has(holder)
      ? misfit('client_already_member', 'a client is added that is a member already') // RFC 9420 §12.2: unless it is removed
      : undefined
  }

  #appDataConflict(componentId: number, operation: 'update' | 'remove'): Misfit | undefined {
    const earlier = this.#appData.get(componentId)
    return earlier === 'remove' || (earlier === 'update' && operation === 'remove')
      ? misfit('not_committable', 'the data of a component are removed and changed again')
      : undefined
  }

  #record(entry: CommittedProposal): void {
    const { proposal } = entry
    this.#size += 1
    switch (proposal.proposalType) {
      case 'group_context_extensions':
        this.#hasExtensions = true
        return
      case 'update':
        this.#updated.add(senderLeaf(entry))
        return
      case 'remove':
        this.#removed.add(proposal.removed)
        this.#removes += 1
        return
      case 'self_remove':
        this.#removed.add(senderLeaf(entry))
        return
      case 'add':
        this.#addedKeys.add(toHex(proposal.keyPackage.leafNode.signatureKey))
        return
      case 'psk':
        this.#psks.add(pskKey(proposal))
        return
      case 'external_init':
        this.#externalInits += 1
        return
      case 'app_data_update':
        this.#appData.set(proposal.componentId, proposal.update === undefined ? 'remove' : 'update')
        return
      case 'reinit':
        this.#hasReinit = true
        return
      case 'app_ephemeral':
      case 'custom':
        return
    }
  }
}

/**
 * Refuses a list that RFC 9420 §12.2 calls invalid.
 * @throws MlsError with the code of the rule, or of the one proposal that is invalid by itself
 */
export function checkProposalList(scene: ListScene, proposals: readonly CommittedProposal[]): void {
  if (proposals.length === 0 && scene.committer !== undefined) return
  const list = new ProposalList(scene)
  for (const entry of inRuleOrder(proposals, (value) => value.proposal)) {
    const misfit = list.admit(entry)
    if (misfit !== undefined) throw misfit.error
  }
  if (scene.committer === undefined && list.externalInits !== 1) {
    throw invalid('not_committable', 'an external commit carries no ExternalInit') // RFC 9420 §12.2: exactly one
  }
}

/** The leaf of the member who proposed; {@link checkProposal} has made sure that it is one. */
export function senderLeaf(entry: CommittedProposal): number {
  if (entry.sender.senderType === 'member') return entry.sender.leafIndex
  throw new MlsError('internal', 'unreachable', 'a stranger was let through where only members propose')
}

function pskKey(proposal: Proposal & { proposalType: 'psk' }): string {
  return toHex(encodeWhole(proposal.psk, encodePreSharedKeyId))
}
