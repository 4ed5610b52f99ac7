/**
 * How a client comes to hold a group: it creates it, follows a Welcome, lets itself in by an external commit, or reads
 * it back from its store. The first three write the group before anything else happens.
 */
import type { Signer } from '@dmls/crypto'
import {
  checkRuleGiven,
  createDmlsGroup,
  DEFAULT_GROUP_POLICY,
  type DmlsEpoch,
  type GroupPolicy,
  headGroup,
  joinDmlsGroup,
  joinDmlsGroupExternally,
  type Step,
} from '@dmls/dmls'
import type { GroupInfo, Joined, KeyPackage, LeafOptions, Watch } from '@dmls/mls'
import type { ClientContext } from '../context.ts'
import { GroupRecords, type SigningKey } from './group-records.ts'
import { MessageLedger, type Pending } from './message-ledger.ts'
import { RunningState, servicesOf } from './running-state.ts'

/** How we present ourselves in a group that nobody invited us to. */
export interface OwnLeaf {
  readonly key: SigningKey
  readonly signer: Signer
  readonly leaf: LeafOptions
}

const CREATOR_LIFETIME_SECONDS = 365n * 86_400n
const SKEW_SECONDS = 3600n

/** A group with ourselves as its only member. @throws MlsError `missing` `no_admin_rule` */
export async function createGroup(
  context: ClientContext,
  own: OwnLeaf,
  options: { readonly groupId: Uint8Array; readonly policy: Partial<GroupPolicy> },
): Promise<RunningState> {
  const now = BigInt(Math.floor(context.clock.nowMs() / 1000))
  const step = await createDmlsGroup(
    {
      profile: context.profile,
      suite: context.suite,
      groupId: options.groupId,
      signer: own.signer,
      leaf: own.leaf,
      lifetime: { notBefore: now - SKEW_SECONDS, notAfter: now + CREATOR_LIFETIME_SECONDS },
      policy: { ...DEFAULT_GROUP_POLICY, ...options.policy },
    },
    servicesOf(context, () => own.signer),
  )
  return begin(context, step, own.key, [])
}

/** A group that a Welcome leads into. @throws MlsError `invalid` `bad_roster`; `missing` `no_admin_rule` */
export async function joinGroup(
  context: ClientContext,
  joined: Joined,
  key: SigningKey,
  alongside: Pending,
): Promise<RunningState> {
  const services = servicesOf(context, () => undefined)
  const step = joinDmlsGroup(joined, context.profile, services)
  return begin(context, step, key, [alongside])
}

/**
 * A group that we let ourselves into, and the commit that does it: it is in the group's log, so that whoever misses it
 * fetches it. @throws MlsError `invalid` and `malformed` for a GroupInfo that is no good, `missing` `no_admin_rule`
 */
export async function enterGroup(
  context: ClientContext,
  own: OwnLeaf,
  entry: {
    readonly groupInfo: GroupInfo
    readonly watch: Watch
    readonly keyPackage: KeyPackage
    /** What to write with the group. */
    readonly alongside: (step: Pick<Entered, 'epoch'> & Step) => Pending
  },
): Promise<Entered> {
  const { profile, suite } = context
  const step = await joinDmlsGroupExternally(
    { profile, suite, groupInfo: entry.groupInfo, keyPackage: entry.keyPackage, signer: own.signer, ...own.leaf },
    { ...servicesOf(context, () => own.signer), ...entry.watch },
  )
  const ledger = await MessageLedger.open(context, step.state.groupId)
  const { wire, epoch } = step
  const running = await begin(context, step, own.key, [ledger.file(wire, epoch), entry.alongside(step)])
  return { running, wire, epoch }
}

export interface Entered {
  readonly running: RunningState
  /** The encoded DMLSMessage of the commit. */
  readonly wire: Uint8Array
  /** The epoch that it begins. */
  readonly epoch: DmlsEpoch
}

/** A group from the store. @throws MlsError `internal` `store_incomplete`; `missing` `no_admin_rule` */
export async function loadGroup(context: ClientContext, groupId: Uint8Array): Promise<RunningState> {
  const { records, group } = await GroupRecords.load(context.store, groupId, context.suite, context.profile)
  checkRuleGiven(headGroup(group.state).context.extensions, context)
  return RunningState.of(context, records, group.state, group.signingKeys)
}

async function begin(
  context: ClientContext,
  step: Step,
  key: SigningKey,
  alongside: readonly Pending[],
): Promise<RunningState> {
  const running = await RunningState.of(context, GroupRecords.fresh(step.state.groupId), step.state, [key])
  await running.apply(step, ...alongside)
  return running
}
