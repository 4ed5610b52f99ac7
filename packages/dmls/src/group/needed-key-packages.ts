/**
 * Which key packages of added instances a merge may still need (protocol §7.2): those of members that an epoch lacks in
 * which commits can still be made. All others are let go, or whoever adds people would fill everybody's disk.
 */
import { keyPackageBytes } from '@dmls/mls'
import { precedesOrEquals } from '../dag/causality.ts'
import type { Dag } from '../dag/dag.ts'
import type { DagNode } from '../dag/dag-node.ts'
import { compareText, type DmlsEpoch, type InstanceId } from '../dag/identifiers.ts'
import type { Fate } from '../reconcile/fates.ts'
import { instanceFates } from '../reconcile/membership.ts'
import { viewOf } from '../reconcile/view.ts'
import { openHeads } from './choose-head.ts'
import type { DmlsGroupState } from './state.ts'

/** Instances whose key packages no plan can need any more. O(key packages × open epochs) at worst, usually far less. */
export function unneededKeyPackages(state: DmlsGroupState): readonly InstanceId[] {
  if (state.keyPackages.size === 0) return []
  const { dag, epochs } = state
  const open: DagNode[] = []
  for (const [id, { stage }] of epochs) if (stage === 'open') open.push(dag.node(id))
  // the oldest lack most, and are asked first
  open.sort((a, b) => a.depth - b.depth)
  const fateOf = fatesAt(state)
  return [...state.keyPackages.keys()].filter((instance) => {
    const isMissed = open.some(({ roster }) => !roster.has(instance))
    // whatever follows from these epochs has it, or removes it for good
    if (!isMissed || fateOf(instance) === 'removed') return true
    if (open.some(({ roster }) => roster.has(instance))) return false
    // it is out everywhere, and nothing can be made any more that does not know of its coming
    const added = additionsOf(dag).get(instance) ?? []
    return added.every((addition) => open.every((node) => precedesOrEquals(dag, addition, node)))
  })
}

/** What became of somebody, as far as we can judge. */
function fatesAt(state: DmlsGroupState): (instance: InstanceId) => Fate | undefined {
  const heads = openHeads(state)
  const view = viewOf(state.dag, heads)
  if (view === undefined) return () => undefined
  const fates = instanceFates(view, heads)
  return (instance) => fates.get(instance)
}

/** Where everybody was added. O(epochs), once per DAG. */
function additionsOf(dag: Dag): ReadonlyMap<InstanceId, readonly DagNode[]> {
  return dag.memo(additionsOf, () => {
    const additions = new Map<InstanceId, DagNode[]>()
    for (const { id, adds } of dag.epochs()) {
      for (const { instance } of adds) {
        const known = additions.get(instance)
        if (known === undefined) additions.set(instance, [dag.node(id)])
        else known.push(dag.node(id))
      }
    }
    return additions
  })
}

/** Bytes of the key packages that an epoch brought and that are kept. O(what it added). */
export function keyPackageBytesOf({ dag, keyPackages }: DmlsGroupState, epoch: DmlsEpoch): number {
  return (dag.get(epoch)?.adds ?? []).reduce((sum, { instance }) => sum + sizeOf(keyPackages, instance), 0)
}

function sizeOf(keyPackages: DmlsGroupState['keyPackages'], instance: InstanceId): number {
  const keyPackage = keyPackages.get(instance)
  return keyPackage === undefined ? 0 : keyPackageBytes(keyPackage).length
}

/**
 * Of the key packages that no held epoch brought, those that have to go so that the others take `sizeMaxBytes` at most.
 * Whoever brought most of them loses first, and of those the latest: a flood fills its own share only.
 */
export function keyPackagesBeyond(state: DmlsGroupState, sizeMaxBytes: number): readonly InstanceId[] {
  const { dag, epochs, keyPackages } = state
  const sizes = new Map([...keyPackages.keys()].map((instance) => [instance, sizeOf(keyPackages, instance)]))
  if (sum(sizes.values()) <= sizeMaxBytes) return []
  const additions = additionsOf(dag)
  for (const instance of sizes.keys()) {
    if (additions.get(instance)?.some(({ id }) => epochs.has(id)) === true) sizes.delete(instance)
  }
  let total = sum(sizes.values())
  const gone: InstanceId[] = []
  for (const instance of latestOfTheLargest([...sizes.keys()], (each) => additions.get(each)?.[0])) {
    if (total <= sizeMaxBytes) break
    gone.push(instance)
    total -= sizes.get(instance) ?? 0
  }
  return gone
}

function sum(sizes: Iterable<number>): number {
  let total = 0
  for (const size of sizes) total += size
  return total
}

/** By the place of each among those whom the same member added, the last first. */
function latestOfTheLargest(
  instances: readonly InstanceId[],
  addedIn: (instance: InstanceId) => DagNode | undefined,
): readonly InstanceId[] {
  const places = new Map<string, number>()
  return instances
    .map((instance) => ({ instance, node: addedIn(instance) }))
    .sort((a, b) => (a.node?.depth ?? 0) - (b.node?.depth ?? 0) || compareText(a.instance, b.instance))
    .map(({ instance, node }) => {
      const committer = node?.facts.committer ?? ''
      const place = places.get(committer) ?? 0
      places.set(committer, place + 1)
      return { instance, place }
    })
    .sort((a, b) => b.place - a.place)
    .map(({ instance }) => instance)
}
