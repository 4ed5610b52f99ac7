/**
 * Coming back from where nobody can be followed any more (protocol §8): asking for it, honouring the request of another,
 * and following the Welcome that answers ours. The format is in `message/rejoin-codec.ts`.
 */
import { equalBytes, toHex } from '@dmls/crypto'
import {
  type Extension,
  findExtension,
  invalid,
  type Joined,
  type KeyPackage,
  MlsError,
  referenceOf,
  validateKeyPackage,
} from '@dmls/mls'
import { precedesOrEquals } from '../dag/causality.ts'
import type { Dag } from '../dag/dag.ts'
import type { DagNode } from '../dag/dag-node.ts'
import { compareText, type DmlsEpoch, type InstanceId, instanceId } from '../dag/identifiers.ts'
import {
  type Descent,
  DMLS_DESCENT_EXTENSION,
  DMLS_REJOIN_EXTENSION,
  decodeDescents,
  decodeRejoinRequest,
  encodeDescents,
  encodeRejoinRequest,
  type RejoinReason,
  type RejoinRequest,
} from '../message/rejoin-codec.ts'
import { isOnChosenBranch } from './handovers.ts'
import { mlsServices } from './mls-services.ts'
import type { DmlsGroupState, DmlsServices, Step } from './state.ts'
import { StepBuilder } from './step.ts'

/** What a KeyPackage says about whom it replaces; undefined for an ordinary one, or one for another group. */
export function rejoinRequestOf(keyPackage: KeyPackage, groupId: Uint8Array): RejoinRequest | undefined {
  const data = findExtension(keyPackage.extensions, DMLS_REJOIN_EXTENSION)
  if (data === undefined) return undefined
  try {
    const request = decodeRejoinRequest(data)
    return equalBytes(request.groupId, groupId) ? request : undefined
  } catch (error) {
    if (error instanceof MlsError) return undefined
    throw error
  }
}

// Asking

/** The KeyPackage extension with which we ask to be replaced. */
export function rejoinExtension(state: DmlsGroupState, reason: RejoinReason): Extension {
  const request: RejoinRequest = {
    groupId: state.groupId,
    instance: state.self,
    reason,
    epochs: knownEpochs(state),
    open: openEpochs(state),
  }
  return { extensionType: DMLS_REJOIN_EXTENSION, extensionData: encodeRejoinRequest(request) }
}

/** Ancestors that a request names one by one; beyond them it names some, at distances that grow. */
const NEAR_EPOCHS = 32

/** The head and its ancestors: the near ones, then fewer and fewer, and the root. */
function knownEpochs({ dag, head }: DmlsGroupState): DmlsEpoch[] {
  const epochs: DmlsEpoch[] = [head]
  let due = 1
  let distance = 0
  let last: DmlsEpoch = head
  for (const id of dag.ancestors(head)) {
    distance += 1
    last = id
    if (distance < due) continue
    epochs.push(id)
    due += distance < NEAR_EPOCHS ? 1 : distance
  }
  return last === epochs.at(-1) ? epochs : [...epochs, last]
}

/** Where we can process commits, the latest first. */
function openEpochs({ dag, epochs }: DmlsGroupState): DmlsEpoch[] {
  const open = [...epochs.keys()].filter((id) => epochs.get(id)?.stage === 'open')
  return open.sort((a, b) => dag.depth(b) - dag.depth(a) || compareText(a, b))
}

/** Notes that we have asked: a Welcome to this key package is one that we follow. */
export function askToRejoin(state: DmlsGroupState, keyPackage: KeyPackage): Step {
  const request = rejoinRequestOf(keyPackage, state.groupId)
  if (request?.instance !== state.self) throw invalid('not_our_request', 'the key package replaces somebody else')
  const instance = instanceId(referenceOf(state.suite, keyPackage))
  return new StepBuilder(state).set({ asked: { instance, reason: request.reason } }).finish()
}

/** Takes the request back: we can follow after all. */
export function stopAsking(state: DmlsGroupState): Step {
  return new StepBuilder(state).set({ asked: undefined }).finish()
}

// Honouring

/**
 * Notes the request of another member. @throws MlsError `invalid`: `not_a_rejoin`, `rejoin_of_stranger` (nobody of that
 * identity is the instance that it replaces), `rejoin_needless` (whoever is there can still follow), `rejoin_unrelated`
 * (none of its epochs lies in our past), and what a bad KeyPackage is refused with
 */
export async function noteRejoin(state: DmlsGroupState, keyPackage: KeyPackage, services: DmlsServices): Promise<Step> {
  const request = rejoinRequestOf(keyPackage, state.groupId)
  if (request === undefined) throw invalid('not_a_rejoin', 'the key package asks for no return to this group')
  const member = state.dag.roster(state.head).get(request.instance)
  if (member === undefined || member.identity !== toHex(services.identityOf(keyPackage.leafNode))) {
    throw invalid('rejoin_of_stranger', 'the key package would replace nobody of its identity')
  }
  await validateKeyPackage(state.suite, keyPackage, mlsServices(services), {
    group: { groupId: state.groupId, extensions: [] },
    occasion: 'add',
    lifetime: 'check',
  })
  checkNeeded(state, request)
  const roster = state.dag.roster(state.head)
  const returning = new Map([...state.returning].filter(([instance]) => roster.has(instance)))
  return new StepBuilder(state).set({ returning: returning.set(request.instance, keyPackage) }).finish()
}

function checkNeeded(state: DmlsGroupState, request: RejoinRequest): void {
  const known = latestKnown(state.dag, state.head, request)
  if (known === undefined) throw invalid('rejoin_unrelated', 'none of the epochs of a request lies in our past')
  if (request.reason === 'out_of_reach' && canFollow(state, request, known)) {
    throw invalid('rejoin_needless', 'wherever the ways part, a member can still follow')
  }
}

/** Whether a member can process, and we could serve, all that leads on to our head and that it may not know. */
function canFollow({ dag, head, epochs }: DmlsGroupState, request: RejoinRequest, known: DmlsEpoch): boolean {
  const spoken = dag.senders().get(request.instance)?.node
  const ends = spoken === undefined ? [dag.node(known)] : [dag.node(known), spoken]
  const isKnown = (node: DagNode): boolean => ends.some((end) => precedesOrEquals(dag, node, end))
  const open = new Set(request.open)
  const needed = new Set<DagNode>()
  const waiting: DagNode[] = [dag.node(head)]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (needed.has(node) || isKnown(node)) continue
    needed.add(node)
    if (node.parent !== undefined) {
      const { id } = node.parent
      if (isKnown(node.parent) && !(open.has(id) && epochs.get(id)?.stage === 'open')) return false
      waiting.push(node.parent)
    }
    for (const { head: resolved, forkPoint } of node.facts.resolves) {
      const branch = dag.findNode(resolved)
      const fork = dag.findNode(forkPoint)
      if (branch === undefined || fork === undefined) continue
      // whoever can process nothing in the fork point takes the merge as it is (commit-rules.ts)
      if (open.has(forkPoint) || !isKnown(fork)) waiting.push(branch)
    }
  }
  return true
}

/** The latest epoch of a request that is, or lies before, an epoch. */
function latestKnown(dag: Dag, epoch: DmlsEpoch, { epochs }: RejoinRequest): DmlsEpoch | undefined {
  return epochs.find((id) => dag.has(id) && (id === epoch || dag.precedes(id, epoch)))
}

/**
 * Members of the chosen epoch that have asked to be replaced, ascending. Replace each in one commit. Not those who have
 * spoken on our branch since: they found their way.
 */
export function returningMembers(
  state: DmlsGroupState,
): readonly { readonly instance: InstanceId; readonly keyPackage: KeyPackage }[] {
  const roster = state.dag.roster(state.head)
  return [...state.returning]
    .filter(([instance, keyPackage]) => {
      return roster.has(instance) && instance !== state.self && !hasFollowed(state, instance, keyPackage)
    })
    .map(([instance, keyPackage]) => ({ instance, keyPackage }))
    .sort((a, b) => compareText(a.instance, b.instance))
}

/** Whether a member that could not follow has since spoken on the chosen branch, beyond where the ways parted. */
function hasFollowed(state: DmlsGroupState, instance: InstanceId, keyPackage: KeyPackage): boolean {
  const { dag } = state
  const request = rejoinRequestOf(keyPackage, state.groupId)
  const latest = dag.senders().get(instance)?.node.id
  if (request?.reason !== 'out_of_reach' || latest === undefined || !isOnChosenBranch(state, latest)) return false
  const parting = request.epochs.find((id) => dag.has(id) && isOnChosenBranch(state, id))
  return parting === undefined || (parting !== latest && dag.isAncestor(parting, latest))
}

/** What the Welcome of a commit on `base` tells those whom it brings back; undefined when it brings back nobody. */
export function descentExtension(
  state: DmlsGroupState,
  base: DmlsEpoch,
  added: readonly KeyPackage[],
): Extension | undefined {
  const descents = added.flatMap((keyPackage): Descent[] => {
    const request = rejoinRequestOf(keyPackage, state.groupId)
    const epoch = request && latestKnown(state.dag, base, request)
    if (epoch === undefined) return []
    const instance = instanceId(referenceOf(state.suite, keyPackage))
    return [{ instance, epoch, branch: branchAfter(state.dag, epoch, base), support: supportSince(state, epoch) }]
  })
  if (descents.length === 0) return undefined
  return { extensionType: DMLS_DESCENT_EXTENSION, extensionData: encodeDescents(descents) }
}

/** The first epoch on the way to another that follows from an epoch; that epoch itself if it is the other one. */
function branchAfter(dag: Dag, epoch: DmlsEpoch, end: DmlsEpoch): DmlsEpoch {
  const from = dag.node(epoch)
  let at: DagNode = dag.node(end)
  while (at !== from && at.parent !== undefined && at.parent !== from && precedesOrEquals(dag, from, at.parent)) {
    at = at.parent
  }
  return at.id
}

/** How many members of an epoch have spoken since, ourselves included. */
function supportSince({ dag, self }: DmlsGroupState, epoch: DmlsEpoch): number {
  const from = dag.node(epoch)
  let support = from.roster.has(self) ? 1 : 0
  for (const instance of from.roster.keys()) {
    const record = dag.senders().get(instance)
    if (instance === self || record === undefined || record.node === from) continue
    if (precedesOrEquals(dag, from, record.node)) support += 1
  }
  return support
}

// Coming back

/** Whether a Welcome answers the request that we made. */
export function answersRequest({ asked }: DmlsGroupState, joined: Joined): boolean {
  return asked !== undefined && asked.instance === instanceId(joined.keyPackageRef)
}

/**
 * Refuses an answer that does not lead onwards: it must come from somebody who was a member of an epoch that we named,
 * and say that the group came from there. Where others have gone on from that epoch on our side too, the side moves that
 * has fewer of its members, then the one whose branch has the higher name.
 * @throws MlsError `invalid` `no_descent`, `stranger_answers`, `our_side_stays`
 */
export function checkAnswer(state: DmlsGroupState, joined: Joined, services: DmlsServices): void {
  const data = findExtension(joined.groupInfoExtensions, DMLS_DESCENT_EXTENSION)
  const own = instanceId(joined.keyPackageRef)
  const descent = data === undefined ? undefined : decodeDescents(data).find(({ instance }) => instance === own)
  // scenario 6: only what follows from an epoch that we know
  if (descent === undefined || !isOnOurLine(state, descent.epoch)) {
    throw invalid('no_descent', 'the Welcome does not lead on from an epoch that we named')
  }
  const { epoch } = descent
  const signer = toHex(services.identityOf(joined.signer.leafNode))
  if (![...state.dag.roster(epoch).values()].some(({ identity }) => identity === signer)) {
    throw invalid('stranger_answers', 'whoever made the Welcome was no member of the epoch that it names')
  }
  if (epoch === state.head || state.asked?.reason === 'state_lost') return
  const support = supportSince(state, epoch)
  const branch = branchAfter(state.dag, epoch, state.head)
  const stays = support > descent.support || (support === descent.support && compareText(branch, descent.branch) < 0)
  if (stays) throw invalid('our_side_stays', 'more members are on our side, and the other side comes to us')
}

function isOnOurLine({ dag, head }: DmlsGroupState, epoch: DmlsEpoch): boolean {
  return dag.has(epoch) && (epoch === head || dag.precedes(epoch, head))
}
