/**
 * Deleting what is safe to delete: each held epoch goes to the stage that the group's retention policy names
 * (protocol §8). The only step that takes keys away.
 */
import { type GroupState, wipeGroupState } from '@dmls/mls'
import type { DmlsEpoch } from '../dag/identifiers.ts'
import { dmlsProfile } from '../key-schedule/dmls-profile.ts'
import { processesCommits, retentionStages } from '../retention/retention.ts'
import { policyAt } from './policy.ts'
import type { DmlsGroupState, HeldEpoch, Step } from './state.ts'
import { StepBuilder } from './step.ts'

export interface RetentionInput {
  readonly nowMs: number
  /** Bytes that the stored state of an epoch takes. */
  readonly sizeOf: (epoch: DmlsEpoch) => number
}

export interface RetentionStep extends Step {
  /** Overwrites the secrets that the old state alone holds; call it once the new state is stored and in use. */
  readonly wipe: () => void
}

/** The step that deletes what the policy no longer keeps, or undefined when there is nothing to delete. */
export function retire(state: DmlsGroupState, input: RetentionInput): RetentionStep | undefined {
  const held = [...state.epochs].map(([id, epoch]) => ({
    id,
    stage: epoch.stage,
    supersededForMs: epoch.supersededAtMs === undefined ? undefined : input.nowMs - epoch.supersededAtMs,
    sizeBytes: input.sizeOf(id),
  }))
  const { retention } = policyAt(state, state.head)
  const stages = retentionStages(state.dag, retention, { head: state.head, own: state.self, held })
  const builder = new StepBuilder(state)
  const retired: GroupState[] = []
  for (const [id, stage] of stages) {
    const epoch = state.epochs.get(id)
    if (epoch === undefined || processesCommits(stage)) continue
    if (stage === 'skeleton') {
      builder.drop(id)
      retired.push(epoch.group)
    } else if (epoch.stage === 'open') {
      builder.hold(id, readable(epoch))
      retired.push(epoch.group)
    }
  }
  if (retired.length === 0) return undefined
  const step = builder.finish()
  return {
    ...step,
    wipe: () => {
      for (const group of retired) wipeRetired(group, step.state)
    },
  }
}

/** The epoch without whatever starts children: it can only read late application messages. */
function readable(epoch: HeldEpoch): HeldEpoch {
  const { group } = epoch
  const nothing = new Uint8Array(group.suite.hashSize)
  return {
    ...epoch,
    stage: 'readable',
    group: {
      ...group,
      keys: new Map(),
      // a key that starts nothing: the stage keeps it from being asked, and its bytes tell nothing
      initKey: dmlsProfile.openEpoch(group.suite, nothing, group.context).initKey,
      secrets: {
        ...group.secrets,
        confirmationKey: nothing.slice(),
        externalSecret: nothing.slice(),
        exporterSecret: nothing.slice(),
        resumptionPsk: nothing.slice(),
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
  const { confirmationKey, externalSecret, exporterSecret, resumptionPsk } = group.secrets
  for (const secret of [confirmationKey, externalSecret, exporterSecret, resumptionPsk]) secret.fill(0)
}
