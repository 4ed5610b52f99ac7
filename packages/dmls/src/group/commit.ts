/**
 * Making a commit. It is made on the head (or, where nobody who would remain is there, on the next head), lists every
 * other unresolved head, and does what their plan requires beside what was asked for. So an ordinary commit absorbs a
 * fork, and a merge commit is a commit that nothing was asked of (protocol §7.2).
 */
import { toHex } from '@dmls/crypto'
import {
  checkLifetime,
  createCommit,
  type Extension,
  invalid,
  type KeyPackage,
  missing,
  mlsMessageBytes,
  type PreSharedKeyId,
  type Proposal,
  referenceOf,
  usage,
  wipeOutcome,
} from '@dmls/mls'
import type { Dag } from '../dag/dag.ts'
import { type DmlsEpoch, dmlsEpoch, type InstanceId, identifierBytes, instanceId } from '../dag/identifiers.ts'
import { encodeAuthenticatedData } from '../message/authenticated-data.ts'
import { goneFrom, handoversFor, type PlannedHandover } from '../reconcile/handover.ts'
import { type Plan, planReconciliation } from '../reconcile/plan.ts'
import { viewOf } from '../reconcile/view.ts'
import { descentExtension } from './bring-back.ts'
import { chooseHead, openHeads } from './choose-head.ts'
import { heldEpoch, leafOf, selfIn } from './lookup.ts'
import { mlsServices } from './mls-services.ts'
import { checkMaySpeak, dmlsMessageBytes, ownSignatureKey, sendIn } from './outgoing.ts'
import { forkChoiceOf } from './policy.ts'
import { addChild } from './receive.ts'
import { rejoinRequestOf } from './rejoin.ts'
import { rosterExtension } from './roster-extension.ts'
import type { DmlsGroupState, DmlsServices, Step } from './state.ts'
import { StepBuilder } from './step.ts'

/** What a commit is asked to do; nothing at all is an update of the committer's own keys. */
export interface CommitRequest {
  readonly add?: readonly KeyPackage[]
  readonly remove?: readonly InstanceId[]
  /** GroupContext extensions that replace the present ones. */
  readonly settings?: readonly Extension[]
  /** Pre-shared keys to mix into the child (RFC 9420 §8.4). */
  readonly psks?: readonly PreSharedKeyId[]
}

export interface CommitMade extends Step {
  readonly epoch: DmlsEpoch
  readonly parent: DmlsEpoch
  /** The heads that the commit resolves. */
  readonly resolved: readonly DmlsEpoch[]
  /** What was reconciled; undefined when there was no fork. */
  readonly plan: Plan | undefined
  /** The encoded DMLSMessage of the commit. */
  readonly wire: Uint8Array
  /** The encoded Welcome and whom it is for. */
  readonly welcome: { readonly message: Uint8Array; readonly recipients: readonly KeyPackage[] } | undefined
  /** Encoded DMLSMessages that tell the losing heads where to go (protocol §7.6). Publish them after the commit. */
  readonly handovers: readonly Uint8Array[]
}

/** Where our next commit would be made, and what it has to reconcile; no plan while there is no fork. */
export interface NextCommit {
  readonly base: DmlsEpoch
  readonly plan: Plan | undefined
}

/** More heads than this are left to the next commit. */
const RESOLVED_MAX = 256

/**
 * The base and the plan of our next commit, over the unresolved heads that we know. One whose secrets are deleted cannot
 * be built on, but it is resolved like the others: its facts are all that a plan needs.
 * @throws MlsError `invalid` `nobody_remains` when the branches together leave no member.
 */
export function nextCommit(state: DmlsGroupState): NextCommit {
  const open = openHeads(state)
  const isHeld = (head: DmlsEpoch): boolean => state.epochs.get(head)?.stage === 'open'
  const held = open.filter(isHeld)
  if (open.length < 2 || held.length === 0) return { base: held[0] ?? state.head, plan: undefined }
  const others = open.filter((head) => !isHeld(head)).slice(0, Math.max(0, RESOLVED_MAX - held.length))
  const next = commitOver(state, [...held, ...others], isHeld)
  const unknown = (next.plan?.add ?? []).filter(({ instance }) => !state.keyPackages.has(instance))
  if (unknown.length === 0) return next
  // the caps took the key packages of those whom a head brought: it waits for somebody who has them
  const lacks = (head: DmlsEpoch): boolean => unknown.some(({ instance }) => state.dag.roster(head).has(instance))
  return commitOver(state, [...held, ...others.filter((head) => !lacks(head))], isHeld)
}

function commitOver(
  state: DmlsGroupState,
  open: readonly DmlsEpoch[],
  isHeld: (head: DmlsEpoch) => boolean,
): NextCommit {
  const { view, heads } = judged(state, open)
  if (view === undefined || heads.length < 2) return { base: state.head, plan: undefined }
  const hash = (bytes: Uint8Array): Uint8Array => state.suite.hash(bytes)
  const plan = planReconciliation(state.dag, forkChoiceOf(state), hash, heads, { view, canBeBase: isHeld })
  // scenario 8: an orphaned group is reported
  if (plan === undefined) throw invalid('nobody_remains', 'the branches together leave no member')
  return { base: plan.base, plan }
}

/** The heads that we can judge, the chosen one among them; what we cannot judge is left to those who can. */
function judged(
  { dag, head }: DmlsGroupState,
  held: readonly DmlsEpoch[],
): { readonly view: Dag | undefined; readonly heads: readonly DmlsEpoch[] } {
  const view = viewOf(dag, held)
  if (view !== undefined) return { view, heads: held }
  const heads = held.filter((other) => other === head || viewOf(dag, [head, other]) !== undefined)
  return { view: viewOf(dag, heads), heads }
}

/**
 * @throws MlsError `usage` `state_lost`, `already_invited`; `invalid` `removed_by_plan` when this member is not part of the merged group, `not_allowed`;
 * `missing` `key_package_unknown` when a member to be added again is known only by name.
 */
export async function makeCommit(
  state: DmlsGroupState,
  request: CommitRequest,
  services: DmlsServices,
): Promise<CommitMade> {
  checkMaySpeak(state)
  const { base, plan } = nextCommit(state)
  const held = heldEpoch(state, base)
  const self = selfIn(state, base)
  if (plan?.remove.includes(self)) throw invalid('removed_by_plan', 'another branch removed this member')
  checkInvited(request.add ?? [], services)
  checkNotComing(state, plan, request.add ?? [], services)
  const proposals = proposalsFor(state, base, plan, request, self)

  // the handovers come first in the order of our messages, so that our latest one speaks for the merge
  const heads = plan?.resolves ?? []
  const canHear = ({ head }: PlannedHandover): boolean => state.epochs.has(head)
  const handedOver = plan === undefined ? [] : handoversFor(state.dag, plan).filter(canHear)
  const counter = state.counter + BigInt(handedOver.length) + 1n
  const data = {
    counter,
    resolves: heads.map((head) => ({ head, forkPoint: state.dag.forkPoint(base, head) ?? head })),
    application: new Uint8Array(0),
  }
  const created = await createCommit(
    held.group,
    {
      signer: services.signerFor(ownSignatureKey(held)),
      authenticatedData: encodeAuthenticatedData(data),
      proposals,
      path: 'always',
      welcome: { extensions: welcomeExtensions(state, base, proposals) },
    },
    mlsServices(services, { state, epoch: base }),
  )
  const builder = new StepBuilder(state)
    .hold(base, { ...held, group: created.parent, supersededAtMs: held.supersededAtMs ?? services.nowMs })
    .supersede(created.superseded)
  const epoch = dmlsEpoch(created.child.epochId)
  let handovers: readonly Uint8Array[]
  try {
    addChild(builder, { parent: base, committer: self, data, changes: created.changes, child: created.child }, services)
    handovers = await sendHandovers(builder, handedOver, { resolvedBy: epoch, heads }, services)
    builder.set({ counter })
    chooseHead(builder)
  } catch (error) {
    wipeOutcome(created)
    builder.giveUp()
    throw error
  }
  return {
    ...builder.finish(),
    epoch,
    parent: base,
    resolved: heads,
    plan,
    wire: dmlsMessageBytes(created.message, base),
    welcome:
      created.welcome === undefined
        ? undefined
        : { message: mlsMessageBytes(created.welcome), recipients: created.changes.added.map((a) => a.keyPackage) },
    handovers,
  }
}

/** Whoever adds somebody checks its lifetime; those who only repeat an addition do not. The rest is checked for both. */
function checkInvited(keyPackages: readonly KeyPackage[], { nowMs }: DmlsServices): void {
  const now = BigInt(Math.floor(nowMs / 1000))
  for (const { leafNode } of keyPackages) checkLifetime(leafNode, { now })
}

/**
 * Whom the merge brings in is not invited beside that as another instance: one device would sit there twice. A second
 * device is added when the merge is done.
 */
function checkNotComing(
  { groupId }: DmlsGroupState,
  plan: Plan | undefined,
  keyPackages: readonly KeyPackage[],
  services: DmlsServices,
): void {
  const coming = new Set((plan?.add ?? []).map(({ identity }) => identity))
  for (const keyPackage of keyPackages) {
    const isReturning = rejoinRequestOf(keyPackage, groupId) !== undefined
    if (!isReturning && coming.has(toHex(services.identityOf(keyPackage.leafNode)))) {
      throw usage('already_invited', 'another branch invited this person, and the merge brings it in')
    }
  }
}

function proposalsFor(
  state: DmlsGroupState,
  base: DmlsEpoch,
  plan: Plan | undefined,
  request: CommitRequest,
  self: InstanceId,
): Proposal[] {
  const removals = new Set<InstanceId>([...(plan?.remove ?? []), ...(request.remove ?? [])])
  removals.delete(self)
  const proposals: Proposal[] = []
  for (const instance of [...removals].sort()) {
    const removed = leafOf(state, base, instance)
    if (removed !== undefined) proposals.push({ proposalType: 'remove', removed })
  }
  const additions = new Map<InstanceId, KeyPackage>()
  for (const { instance } of plan?.add ?? []) {
    const keyPackage = state.keyPackages.get(instance)
    if (keyPackage === undefined) {
      throw missing('key_package_unknown', 'a member to be added again is known only by name', { instance })
    }
    if (!removals.has(instance)) additions.set(instance, keyPackage)
  }
  for (const keyPackage of request.add ?? []) {
    const replaced = rejoinRequestOf(keyPackage, state.groupId)?.instance
    // who is not there any more is not exchanged for anybody
    if (replaced !== undefined && (!removals.has(replaced) || leafOf(state, base, replaced) === undefined)) continue
    additions.set(instanceId(referenceOf(state.suite, keyPackage)), keyPackage)
  }
  for (const keyPackage of additions.values()) proposals.push({ proposalType: 'add', keyPackage })
  if (request.settings !== undefined) {
    proposals.push({ proposalType: 'group_context_extensions', extensions: request.settings })
  }
  for (const psk of request.psks ?? []) proposals.push({ proposalType: 'psk', psk })
  return proposals
}

/** What newcomers are told: who is who, and whoever comes back, whence the group has come. */
function welcomeExtensions(state: DmlsGroupState, base: DmlsEpoch, proposals: readonly Proposal[]): Extension[] {
  const removed = proposals.flatMap((proposal) => (proposal.proposalType === 'remove' ? [proposal.removed] : []))
  const keyPackages = proposals.flatMap((proposal) => (proposal.proposalType === 'add' ? [proposal.keyPackage] : []))
  const added = keyPackages.map((keyPackage) => instanceId(referenceOf(state.suite, keyPackage)))
  const descent = descentExtension(state, base, keyPackages)
  return [rosterExtension(state, base, { added, removed }), ...(descent === undefined ? [] : [descent])]
}

async function sendHandovers(
  builder: StepBuilder,
  handedOver: readonly PlannedHandover[],
  merge: { readonly resolvedBy: DmlsEpoch; readonly heads: readonly DmlsEpoch[] },
  services: DmlsServices,
): Promise<Uint8Array[]> {
  const wires: Uint8Array[] = []
  for (const planned of handedOver) {
    const { head, forkPoint, entrances } = planned
    const gone = goneFrom(builder.state.dag, planned, merge.resolvedBy)
    const content = {
      kind: 'handover' as const,
      resolvedBy: identifierBytes(merge.resolvedBy),
      forkPoint: identifierBytes(forkPoint),
      heads: merge.heads.map((id) => identifierBytes(id)),
      entrances: entrances.map((id) => identifierBytes(id)),
      gone: gone.map((instance) => identifierBytes(instance)),
    }
    wires.push(await sendIn(builder, head, content, services))
  }
  return wires
}
