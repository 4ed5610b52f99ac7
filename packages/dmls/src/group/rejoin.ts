/**
 * Coming back from where nobody can be followed any more (protocol §8): asking for it, and judging the Welcome that
 * answers. The other side is in `bring-back.ts`, the format in `message/rejoin-codec.ts`.
 */
import { equalBytes, toHex } from '@dmls/crypto'
import { type Extension, findExtension, invalid, type Joined, type KeyPackage, MlsError } from '@dmls/mls'
import { compareText, type DmlsEpoch, type InstanceId, instanceId } from '../dag/identifiers.ts'
import {
  DMLS_DESCENT_EXTENSION,
  DMLS_REJOIN_EXTENSION,
  decodeDescents,
  decodeRejoinRequest,
  encodeRejoinRequest,
  type RejoinReason,
  type RejoinRequest,
} from '../message/rejoin-codec.ts'
import { branchAfter, supportSince } from './descent.ts'
import { isLostBranch } from './lookup.ts'
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

/** A Welcome into the group that was not followed: whom it makes of us, and where. */
export interface Invitation {
  readonly instance: InstanceId
  readonly epoch: DmlsEpoch
}

export interface RejoinOptions {
  /** As whom we ask: by default as the instance that we are. */
  readonly instance?: InstanceId
  readonly invitations?: readonly Invitation[]
  /** Epochs in which we refused a commit that others may have accepted; see `disputes.ts`. */
  readonly disputed?: ReadonlySet<string>
}

/**
 * The KeyPackage extension with which we ask to be replaced. Whoever was also invited into epochs that it did not enter
 * may be there, for the others, as the instance that it is or as another, and asks as that one too.
 */
export function rejoinExtension(
  state: DmlsGroupState,
  reason: RejoinReason,
  { instance = state.self, invitations = [], disputed = new Set() }: RejoinOptions = {},
): Extension {
  const request: RejoinRequest = {
    groupId: state.groupId,
    instance,
    reason,
    epochs: knownEpochs(state),
    open: openEpochs(state, disputed),
    invited: invitations.filter((each) => each.instance === instance).map(({ epoch }) => epoch),
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

/**
 * Where we can process commits, the latest first. Not where we have processed one, and have forgotten what it began; nor
 * where we refused one that others may have accepted.
 */
function openEpochs(state: DmlsGroupState, disputed: ReadonlySet<string>): DmlsEpoch[] {
  const { dag, epochs } = state
  const isOpen = (id: DmlsEpoch): boolean =>
    epochs.get(id)?.stage === 'open' && !disputed.has(id) && !dag.children(id).some((c) => isLostBranch(state, c))
  const open = [...epochs.keys()].filter(isOpen)
  return open.sort((a, b) => dag.depth(b) - dag.depth(a) || compareText(a, b))
}

/** Notes that we have asked: a Welcome to such a key package is one that we follow, whichever of them is answered. */
export function askToRejoin(state: DmlsGroupState, keyPackage: KeyPackage): Step {
  const request = rejoinRequestOf(keyPackage, state.groupId)
  if (request === undefined || !isOurs(state, request.instance)) {
    throw invalid('not_our_request', 'the key package replaces somebody else')
  }
  return new StepBuilder(state).set({ asked: request.reason }).finish()
}

/** Takes the request back: we can follow after all. */
export function stopAsking(state: DmlsGroupState): Step {
  return new StepBuilder(state).set({ asked: undefined }).finish()
}

/** Whether we can have asked as an instance: as the one that we are, or as one that we never were. */
function isOurs({ dag, head, self }: DmlsGroupState, instance: InstanceId): boolean {
  return instance === self || ![head, ...dag.roots()].some((id) => dag.roster(id).has(instance))
}

/** Whether a Welcome answers a request that we made as what we are, or as what we were invited as. */
export function answersRequest(state: DmlsGroupState, joined: Joined): boolean {
  const request = rejoinRequestOf(joined.keyPackage, state.groupId)
  return state.asked !== undefined && request !== undefined && isOurs(state, request.instance)
}

/**
 * Refuses an answer that does not lead onwards: it must come from somebody who was a member of an epoch that we named,
 * and say that the group came from there. Where others have gone on from that epoch on our side too, the side moves that
 * has fewer of its members, then the one whose branch has the higher name. Of an epoch that we were only invited to we
 * know no members: then it must come from somebody who is one where we are.
 * @throws MlsError `invalid` `no_descent`, `stranger_answers`, `our_side_stays`
 */
export function checkAnswer(state: DmlsGroupState, joined: Joined, services: DmlsServices): void {
  const data = findExtension(joined.groupInfoExtensions, DMLS_DESCENT_EXTENSION)
  const own = instanceId(joined.keyPackageRef)
  const descent = data === undefined ? undefined : decodeDescents(data).find(({ instance }) => instance === own)
  const request = rejoinRequestOf(joined.keyPackage, state.groupId)
  const isInvited =
    descent !== undefined && !state.dag.has(descent.epoch) && request?.invited.includes(descent.epoch) === true
  // scenario 6: only what follows from an epoch that we know, or that we were let into
  if (descent === undefined || !(isInvited || isOnOurLine(state, descent.epoch))) {
    throw invalid('no_descent', 'the Welcome does not lead on from an epoch that we named')
  }
  const { epoch } = descent
  const signer = toHex(services.identityOf(joined.signer.leafNode))
  const known = state.dag.roster(isInvited ? state.head : epoch)
  if (![...known.values()].some(({ identity }) => identity === signer)) {
    throw invalid('stranger_answers', 'whoever made the Welcome was no member of the epoch that it names')
  }
  if (isInvited || epoch === state.head || state.asked === 'state_lost') return
  const support = supportSince(state, epoch)
  const branch = branchAfter(state.dag, epoch, state.head)
  const stays = support > descent.support || (support === descent.support && compareText(branch, descent.branch) < 0)
  if (stays) throw invalid('our_side_stays', 'more members are on our side, and the other side comes to us')
}

function isOnOurLine({ dag, head }: DmlsGroupState, epoch: DmlsEpoch): boolean {
  return dag.has(epoch) && (epoch === head || dag.precedes(epoch, head))
}
