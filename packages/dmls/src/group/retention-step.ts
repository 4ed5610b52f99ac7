/**
 * Deleting what is safe to delete: each held epoch goes to the stage that the group's retention policy names
 * (protocol §8), and with them the key packages that only they could have needed. The only step that takes keys away.
 */
import { createExporterTree, type GroupState, wipeGroupState } from '@dmls/mls'
import type { DmlsEpoch } from '../dag/identifiers.ts'
import { dmlsProfile } from '../key-schedule/dmls-profile.ts'
import { processesCommits, retentionStages } from '../retention/retention.ts'
import { openHeads } from './choose-head.ts'
import { keyPackagesBeyond, unneededKeyPackages } from './needed-key-packages.ts'
import { policyAt } from './policy.ts'
import type { DmlsGroupState, HeldEpoch, Step } from './state.ts'
import { StepBuilder } from './step.ts'

export interface RetentionInput {
  readonly nowMs: number
  /** Bytes that an epoch takes: its stored state, and whatever else is kept for its sake. */
  readonly sizeOf: (epoch: DmlsEpoch) => number
}

export interface RetentionStep extends Step {
  /** Overwrites the secrets that the old state alone holds; call it once the new state is stored and in use. */
  readonly wipe: () => void
}

/** The step that deletes what the policy no longer keeps, or undefined when there is nothing to change. */
export function retire(state: DmlsGroupState, input: RetentionInput): RetentionStep | undefined {
  const heads = openHeads(state)
  const builder = new StepBuilder(state)
  noteLeftBehind(builder, heads, input.nowMs)
  const held = [...builder.state.epochs].map(([id, epoch]) => ({
    id,
    stage: epoch.stage,
    supersededForMs: epoch.supersededAtMs === undefined ? undefined : input.nowMs - epoch.supersededAtMs,
    sizeBytes: input.sizeOf(id),
  }))
  const { retention } = policyAt(state, state.head)
  const stages = retentionStages(state.dag, retention, { head: state.head, own: state.self, held, heads })
  const retirement = new Retirement(builder)
  for (const [id, stage] of stages) {
    if (stage === 'skeleton') retirement.drop(id)
    else if (!processesCommits(stage)) retirement.makeReadable(id)
  }
  builder.forgetKeyPackages(unneededKeyPackages(builder.state))
  builder.forgetKeyPackages(keyPackagesBeyond(builder.state, retention.sizeMaxBytes))
  forgetLeaving(builder)
  return builder.state === state ? undefined : retirement.finish()
}

/**
 * An epoch that was resolved before it came, or a head that we left when we entered the group again, gets no child that
 * would start its time: it starts now.
 */
function noteLeftBehind(builder: StepBuilder, heads: readonly DmlsEpoch[], nowMs: number): void {
  const mayBeChosen = new Set([...heads, builder.state.head])
  for (const [id, held] of builder.state.epochs) {
    if (held.supersededAtMs !== undefined || mayBeChosen.has(id)) continue
    builder.hold(id, { ...held, supersededAtMs: nowMs })
  }
}

/** Who asked to leave, and is in no epoch any more in which somebody could see to it. */
function forgetLeaving(builder: StepBuilder): void {
  const { dag, epochs, leaving } = builder.state
  if (leaving.size === 0) return
  const rosters = [...epochs.keys()].map((id) => dag.roster(id))
  const present = [...leaving].filter((instance) => rosters.some((roster) => roster.has(instance)))
  if (present.length < leaving.size) builder.set({ leaving: new Set(present) })
}

/** Takes keys away in a step, and remembers what is to be overwritten once the step is stored. */
export class Retirement {
  readonly #builder: StepBuilder
  readonly #retired: GroupState[] = []

  constructor(builder: StepBuilder) {
    this.#builder = builder
  }

  drop(id: DmlsEpoch): void {
    const held = this.#builder.state.epochs.get(id)
    if (held === undefined) return
    this.#builder.drop(id)
    this.#retired.push(held.group)
  }

  makeReadable(id: DmlsEpoch): void {
    const held = this.#builder.state.epochs.get(id)
    if (held?.stage !== 'open') return
    this.#builder.hold(id, readable(held))
    this.#retired.push(held.group)
  }

  finish(): RetentionStep {
    const step = this.#builder.finish()
    return {
      ...step,
      wipe: () => {
        for (const group of this.#retired) wipeRetired(group, step.state)
      },
    }
  }
}

/** What late application messages do not need. */
const GONE_WHEN_READABLE = [
  'confirmationKey',
  'externalSecret',
  'exporterSecret',
  'epochAuthenticator',
  'membershipKey',
  'resumptionPsk',
] as const

/** The epoch without whatever starts children: it can only read late application messages. */
function readable(epoch: HeldEpoch): HeldEpoch {
  const { group } = epoch
  const nothing = new Uint8Array(group.suite.hashSize)
  return {
    ...epoch,
    stage: 'readable',
    commit: undefined,
    group: {
      ...group,
      keys: new Map(),
      // a key that starts nothing: the stage keeps it from being asked, and its bytes tell nothing
      initKey: dmlsProfile.openEpoch(group.suite, nothing, group.context).initKey,
      exporterTree: createExporterTree(group.suite, nothing),
      secrets: {
        ...group.secrets,
        ...Object.fromEntries(GONE_WHEN_READABLE.map((name) => [name, nothing.slice()])),
      },
      pendingUpdates: [],
    },
  }
}

/** Wipes a state that was dropped, or the parts of it that its readable successor does not share. */
function wipeRetired(group: GroupState, after: DmlsGroupState): void {
  const kept = [...after.epochs.values()].find((epoch) => epoch.group.secretTree === group.secretTree)
  if (kept === undefined) {
    wipeGroupState(group)
    return
  }
  for (const key of group.keys.values()) key.fill(0)
  for (const update of group.pendingUpdates) update.encryptionPrivateKey.fill(0)
  group.initKey.wipe()
  group.exporterTree.wipe()
  for (const name of GONE_WHEN_READABLE) group.secrets[name].fill(0)
}
