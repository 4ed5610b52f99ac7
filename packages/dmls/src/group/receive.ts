/**
 * Receiving a message: it is processed in the epoch that it names, whether or not that epoch is the head. What comes
 * back is a step and what it means; a refused message throws a typed error and changes nothing.
 */
import {
  type GroupState,
  invalid,
  MlsError,
  messageHeader,
  missing,
  type Processed,
  type ProcessedApplication,
  type ProcessedCommit,
  processMessage,
  wipeOutcome,
} from '@dmls/mls'
import { type DmlsEpoch, dmlsEpoch, type InstanceId, instanceId } from '../dag/identifiers.ts'
import { type ApplicationContent, decodeApplicationContent, speaksFor } from '../message/application-content.ts'
import { type AuthenticatedData, decodeAuthenticatedData } from '../message/authenticated-data.ts'
import type { DmlsMessage } from '../message/dmls-message.ts'
import { encodeSignedCommit } from '../message/equivocation-proof.ts'
import { checkHorizon } from '../retention/retention.ts'
import { chooseHead } from './choose-head.ts'
import { addedMembers, commitFacts } from './commit-facts.ts'
import { checkCommit, checkPlanDone } from './commit-rules.ts'
import { noteRemoval } from './exchanges.ts'
import { newcomerOf } from './external-join.ts'
import { canBeTrue } from './fork-claim.ts'
import { isOnChosenBranch, wasAt, withHandover } from './handovers.ts'
import { heldEpoch, instanceAt, selfIn } from './lookup.ts'
import { mlsServices } from './mls-services.ts'
import { isSentElsewhere } from './own-echo.ts'
import { checkRoomForProposal } from './pending-proposals.ts'
import type { DmlsGroupState, DmlsServices, HeldEpoch, Step } from './state.ts'
import { StepBuilder } from './step.ts'

export type Received =
  /** Content for the application, or a control message that only changes the state. */
  | (Step & {
      readonly kind: 'application'
      readonly epoch: DmlsEpoch
      readonly sender: InstanceId
      readonly content: ApplicationContent
    })
  | (Step & { readonly kind: 'proposal'; readonly epoch: DmlsEpoch })
  | (Step & {
      readonly kind: 'commit'
      readonly epoch: DmlsEpoch
      readonly parent: DmlsEpoch
      readonly committer: InstanceId
    })
  /** A commit removed this member. */
  | (Step & { readonly kind: 'removed'; readonly parent: DmlsEpoch; readonly by: InstanceId })
  /** Our own message came back. Nothing changes. */
  | { readonly kind: 'own' }
  /** A message that our own key signed and this state never sent: it is a copy, or one that was restored. */
  | (Step & { readonly kind: 'lost'; readonly epoch: DmlsEpoch })

/**
 * Processes one message of the group. @throws MlsError: `missing` when something that may still arrive is needed
 * first (`unknown_epoch`, `unknown_head`, `proposal_not_found`: its `epoch` says where to look), otherwise who is to blame.
 */
export async function receiveMessage(
  state: DmlsGroupState,
  message: DmlsMessage,
  services: DmlsServices,
): Promise<Received> {
  const epoch = dmlsEpoch(message.dmlsEpoch)
  const held = heldEpoch(state, epoch)
  const processed = await processIn(state, epoch, held, message, services)
  try {
    return await takeUp(state, epoch, held, processed, message, services)
  } catch (error) {
    wipeOutcome(processed)
    throw error
  }
}

/** What a processed message means for the group. If it throws, whatever was derived from the message is given up. */
async function takeUp(
  state: DmlsGroupState,
  epoch: DmlsEpoch,
  held: HeldEpoch,
  processed: Processed,
  { message }: DmlsMessage,
  services: DmlsServices,
): Promise<Received> {
  // protocol §8: a fork that starts before the deletion horizon is refused
  if (processed.kind === 'proposal' || processed.kind === 'commit') checkHorizon(epoch, stageOf(held))
  switch (processed.kind) {
    case 'own':
      // what an epoch that is left behind says of us does not matter any more
      if (processed.remembered || selfIn(state, epoch) !== state.self) return { kind: 'own' }
      if (!(await isSentElsewhere(held.group, message))) return { kind: 'own' }
      return { kind: 'lost', epoch, ...new StepBuilder(state).set({ isLost: true }).finish() }
    case 'application':
      return receiveApplication(state, epoch, held, processed)
    case 'proposal': {
      checkRoomForProposal(processed.state)
      const builder = new StepBuilder(state).hold(epoch, { ...held, group: processed.state })
      return { kind: 'proposal', epoch, ...builder.supersede(processed.superseded).finish() }
    }
    case 'commit':
      return receiveCommit(state, epoch, held, processed, services)
  }
}

/**
 * What starts children is gone from an epoch that can only be read, so a commit fails there in many ways; all of them
 * mean that it came too late. Our own are recognised as ever: they may show that this state is a copy.
 */
async function processIn(
  state: DmlsGroupState,
  epoch: DmlsEpoch,
  held: HeldEpoch,
  { message }: DmlsMessage,
  services: DmlsServices,
): Promise<Processed> {
  const isHandshake = messageHeader(message)?.contentType !== 'application'
  try {
    return await processMessage(held.group, message, mlsServices(services, { state, epoch }))
  } catch (error) {
    if (isHandshake && error instanceof MlsError) checkHorizon(epoch, stageOf(held))
    // scenario 20: a proposal that others have heard may still come, in this epoch
    if (error instanceof MlsError && error.code === 'proposal_not_found') {
      throw missing(error.code, error.message, { ...error.fields, epoch })
    }
    throw error
  }
}

function stageOf({ stage }: HeldEpoch): 'retained' | 'readable' {
  return stage === 'open' ? 'retained' : 'readable'
}

function receiveApplication(
  state: DmlsGroupState,
  epoch: DmlsEpoch,
  held: HeldEpoch,
  processed: ProcessedApplication,
): Received {
  const { counter } = decodeAuthenticatedData(processed.authenticatedData)
  const content = decodeApplicationContent(processed.applicationData)
  const sender = instanceAt(state, epoch, processed.sender)
  checkNotRemoved(state, epoch, sender)
  const builder = new StepBuilder(state)
    .hold(epoch, { ...held, group: processed.state })
    .supersede(processed.superseded)
  if (speaksFor(content)) builder.witness({ sender, counter, epoch })
  if (content.kind === 'handover') {
    const resolvedBy = dmlsEpoch(content.resolvedBy)
    const heads = content.heads.slice(0, HEADS_MAX).map((id) => dmlsEpoch(id))
    const entrances = content.entrances.slice(0, ENTRANCES_MAX).map((id) => dmlsEpoch(id))
    const forkPoint = dmlsEpoch(content.forkPoint)
    const handover = { resolvedBy, saidIn: epoch, by: sender, forkPoint, heads, entrances }
    // protocol §7.6: the word of whoever can have judged the fork, for those who cannot
    if (canBeTrue(state, handover)) {
      builder.set({ handovers: withHandover(state.handovers, handover) })
      const isGone = content.gone.some((instance) => instanceId(instance) === state.self)
      if (isGone && isOnChosenBranch(state, epoch) && !wasAt(state, handover)) {
        builder.set({ removal: { parent: epoch, by: sender, removes: [state.self], exchanged: false } })
      }
    }
  }
  if (content.kind === 'leave_request') builder.set({ leaving: new Set(state.leaving).add(sender) })
  chooseHead(builder)
  return { kind: 'application', epoch, sender, content, ...builder.finish() }
}

/**
 * Whoever is removed cannot go on speaking with the keys of an epoch from before that others still hold for latecomers.
 * @throws MlsError `invalid` `sender_removed`
 */
function checkNotRemoved({ dag, head }: DmlsGroupState, epoch: DmlsEpoch, sender: InstanceId): void {
  if (dag.precedes(epoch, head) && dag.roster(head).get(sender) === undefined) {
    throw invalid('sender_removed', 'the sender was removed by what is known of the history', { sender })
  }
}

async function receiveCommit(
  state: DmlsGroupState,
  epoch: DmlsEpoch,
  held: HeldEpoch,
  processed: ProcessedCommit,
  services: DmlsServices,
): Promise<Received> {
  const data: AuthenticatedData = decodeAuthenticatedData(processed.authenticatedData)
  const newcomer = await newcomerOf(state, processed, data.application, services)
  const committer = newcomer?.instance ?? instanceAt(state, epoch, processed.committer)
  const changes = newcomer?.changes ?? processed.changes
  const builder = new StepBuilder(state)
    .hold(epoch, { ...held, group: processed.parent, supersededAtMs: held.supersededAtMs ?? services.nowMs })
    .supersede(processed.superseded)
  if (processed.child === undefined) {
    checkCommit(state, { parent: epoch, committer, data, changes }, services)
    // whoever came back as a new instance is not removed by a late commit that removes the old one
    if (selfIn(state, epoch) === state.self) {
      const removed = processed.changes.removed.map(({ leafIndex }) => instanceAt(state, epoch, leafIndex))
      const removes = [...new Set([...(state.removal?.removes ?? []), ...removed])]
      const own = state.dag.roster(epoch).get(state.self)?.identity
      const added = addedMembers(state, { parent: epoch, changes }, services)
      const exchanged = added.some(({ identity }) => identity === own)
      noteRemoval(builder, { parent: epoch, by: committer, removes, exchanged })
    }
    return { kind: 'removed', parent: epoch, by: committer, ...builder.finish() }
  }
  const commit = signedCommit(held.group, processed)
  addChild(builder, { parent: epoch, committer, data, changes, child: processed.child, commit }, services)
  chooseHead(builder)
  return { kind: 'commit', epoch: dmlsEpoch(processed.child.epochId), parent: epoch, committer, ...builder.finish() }
}

/** What is remembered of a handover is bounded. */
const HEADS_MAX = 16
/** The nearest ones. */
const ENTRANCES_MAX = 64

export interface ChildEpoch {
  readonly parent: DmlsEpoch
  readonly committer: InstanceId
  readonly data: AuthenticatedData
  readonly changes: ProcessedCommit['changes']
  readonly child: GroupState
  /** As its author signed it, for evidence. */
  readonly commit?: Uint8Array | undefined
}

function signedCommit({ context, tree }: GroupState, processed: ProcessedCommit): Uint8Array | undefined {
  const { authenticated: content, sender } = processed
  const leaf = sender.senderType === 'member' ? tree.leaf(sender.leafIndex) : undefined
  if (leaf === undefined) return undefined
  const { signatureKey, credential } = leaf
  return encodeSignedCommit({ context, signatureKey, credential, content })
}

/** Checks a commit against the rules of the profile and puts its child into the history. */
export function addChild(builder: StepBuilder, commit: ChildEpoch, services: DmlsServices): void {
  checkCommit(builder.state, commit, services)
  const facts = commitFacts(builder.state, commit, services)
  const child: HeldEpoch = { stage: 'open', group: commit.child, supersededAtMs: undefined, commit: commit.commit }
  builder.insert(facts).hold(facts.id, child)
  checkPlanDone(builder.state, facts.id)
  for (const { head } of commit.data.resolves) {
    const resolved = builder.state.epochs.get(head)
    if (resolved !== undefined && resolved.supersededAtMs === undefined) {
      builder.hold(head, { ...resolved, supersededAtMs: services.nowMs })
    }
  }
  builder.keepKeyPackages(commit.changes.added.map((added) => [instanceId(added.keyPackageRef), added.keyPackage]))
}
