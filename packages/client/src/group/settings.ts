/** The settings of a group, its GroupContext extensions: a change of some of them, and what of a change a merge left out. */
import { equalBytes } from '@dmls/crypto'
import {
  DMLS_POLICY_EXTENSION,
  type DmlsEpoch,
  type DmlsGroupState,
  type GroupPolicy,
  heldEpoch,
  nextCommit,
  type Plan,
  parseExtensionsKey,
  policyAt,
  policyExtension,
  policyIn,
} from '@dmls/dmls'
import { type Extension, findExtension, usage } from '@dmls/mls'
import type { OverriddenSettings, SettingsChange } from '../api.ts'
import { memberOf } from './members.ts'

/**
 * All extensions after a change of those that our next commit starts from.
 * @throws MlsError `usage` `policy_by_extension` when the policy is given as bytes
 */
export function settingsAfter(state: DmlsGroupState, change: SettingsChange): readonly Extension[] {
  const { base } = nextCommit(state)
  const changed = new Map((change.extensions ?? []).map((extension) => [extension.extensionType, extension]))
  if (changed.has(DMLS_POLICY_EXTENSION)) throw usage('policy_by_extension', 'the policy is changed by its fields')
  if (change.policy !== undefined) {
    changed.set(DMLS_POLICY_EXTENSION, policyExtension({ ...policyAt(state, base), ...change.policy }))
  }
  const present = heldEpoch(state, base).group.context.extensions.filter((each) => !changed.has(each.extensionType))
  return [...present, ...changed.values()]
}

/** What the commits of other branches had set and an epoch has differently, by commit. */
export function overriddenIn(
  state: DmlsGroupState,
  epoch: DmlsEpoch,
  { settingsOverridden }: Pick<Plan, 'settingsOverridden'>,
): readonly OverriddenSettings[] {
  const now = settingsOf(state, epoch) ?? []
  return settingsOverridden.map(({ epoch: dmlsEpoch, committer, settings }) => {
    const parent = state.dag.get(dmlsEpoch)?.parent
    const by = committer === undefined ? undefined : memberOf(state, committer, parent)
    const set = parseExtensionsKey(settings)
    // without its parent, what a commit left alone looks like what it set
    const before = parent === undefined ? undefined : settingsOf(state, parent)
    return { dmlsEpoch, by, extensions: extensionsLeftOut(set, now, before), policy: policyLeftOut(set, now, before) }
  })
}

function settingsOf(state: DmlsGroupState, epoch: DmlsEpoch): readonly Extension[] | undefined {
  return state.epochs.get(epoch)?.group.context.extensions
}

type Settings = readonly Extension[]

function extensionsLeftOut(set: Settings, now: Settings, before: Settings | undefined): readonly Extension[] {
  const isIn = ({ extensionType, extensionData }: Extension, settings: Settings): boolean => {
    const data = findExtension(settings, extensionType)
    return data !== undefined && equalBytes(data, extensionData)
  }
  return set.filter(
    (each) => each.extensionType !== DMLS_POLICY_EXTENSION && !isIn(each, now) && !(before && isIn(each, before)),
  )
}

function policyLeftOut(set: Settings, now: Settings, before: Settings | undefined): Partial<GroupPolicy> {
  const current = fieldsOf(now)
  const old = before === undefined ? undefined : fieldsOf(before)
  const leftOut = [...fieldsOf(set)].filter(
    ([field, value]) => !isSame(value, current.get(field)) && !(old && isSame(value, old.get(field))),
  )
  return Object.fromEntries(leftOut)
}

function fieldsOf(settings: Settings): ReadonlyMap<string, unknown> {
  return new Map(Object.entries(policyIn(settings)))
}

/** Fields of a policy are plain data, whose properties the decoder writes in one order. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b)
}
