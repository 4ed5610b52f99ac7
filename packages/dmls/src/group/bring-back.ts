/**
 * Bringing back others (protocol §8): the request of a member that can follow nobody any more is judged, noted, and
 * answered in the Welcome of the commit that exchanges the member for a new instance of itself.
 */
import { toHex } from '@dmls/crypto'
import { type Extension, invalid, type KeyPackage, referenceOf, validateKeyPackage } from '@dmls/mls'
import { precedesOrEquals } from '../dag/causality.ts'
import type { Dag } from '../dag/dag.ts'
import { type DagNode, isAncestorOrSelf } from '../dag/dag-node.ts'
import { compareText, type DmlsEpoch, type InstanceId, instanceId } from '../dag/identifiers.ts'
import { type Descent, DMLS_DESCENT_EXTENSION, encodeDescents, type RejoinRequest } from '../message/rejoin-codec.ts'
import { branchAfter, supportSince } from './descent.ts'
import { isOnChosenBranch } from './handovers.ts'
import { mlsServices } from './mls-services.ts'
import { rejoinRequestOf } from './rejoin.ts'
import type { DmlsGroupState, DmlsServices, Step } from './state.ts'
import { StepBuilder } from './step.ts'

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
  if (known === undefined) {
    if (latestInvited(state.dag, state.head, request) !== undefined) return
    throw invalid('rejoin_unrelated', 'none of the epochs of a request lies in our past')
  }
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
  const headNode = dag.node(head)
  const waiting: DagNode[] = [headNode]
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (needed.has(node) || isKnown(node)) continue
    needed.add(node)
    if (node.parent !== undefined) {
      const { id } = node.parent
      // the commits of an epoch go with its secrets
      if (!epochs.has(id)) return false
      // a commit that lets it in shows it the way by a Welcome alone
      if (isAncestorOrSelf(node, headNode) && !node.parent.roster.has(request.instance)) return false
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
  return epochs.find((id) => isOrPrecedes(dag, id, epoch))
}

/** The latest epoch that a request was invited to, and that is, or lies before, an epoch. */
function latestInvited(dag: Dag, epoch: DmlsEpoch, { invited }: RejoinRequest): DmlsEpoch | undefined {
  return invited.findLast((id) => isOrPrecedes(dag, id, epoch))
}

function isOrPrecedes(dag: Dag, id: DmlsEpoch, epoch: DmlsEpoch): boolean {
  return dag.has(id) && (id === epoch || dag.precedes(id, epoch))
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

/**
 * Whether somebody who asked to be replaced knows us, so that it follows our answer: we were members of an epoch that it
 * names. Whoever came later leaves it to others, as long as there are any.
 */
export function isKnownTo({ dag, self, groupId }: DmlsGroupState, keyPackage: KeyPackage): boolean {
  const epochs = rejoinRequestOf(keyPackage, groupId)?.epochs ?? []
  return epochs.some((id) => dag.has(id) && dag.roster(id).has(self))
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
    const epoch = request && (latestInvited(state.dag, base, request) ?? latestKnown(state.dag, base, request))
    if (epoch === undefined) return []
    const instance = instanceId(referenceOf(state.suite, keyPackage))
    return [{ instance, epoch, branch: branchAfter(state.dag, epoch, base), support: supportSince(state, epoch) }]
  })
  if (descents.length === 0) return undefined
  return { extensionType: DMLS_DESCENT_EXTENSION, extensionData: encodeDescents(descents) }
}
