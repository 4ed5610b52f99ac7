/**
 * The membership operations in the causal past of some heads (protocol §7), gathered along the epochs that changed
 * something: O(changes), not O(epochs).
 */
import type { Dag } from '../dag/dag.ts'
import type { DagNode } from '../dag/dag-node.ts'
import type { RosterMember } from '../dag/epoch-facts.ts'
import type { InstanceId } from '../dag/identifiers.ts'

export interface Operations {
  /** Everybody who was in a root: nobody here saw them added. Of several roots, as the one with the lowest id says. */
  readonly founders: ReadonlyMap<InstanceId, RosterMember>
  /** Commits that add an instance: every one of them, also those that add it again. */
  readonly adds: ReadonlyMap<InstanceId, readonly DagNode[]>
  /** Commits that remove an instance. */
  readonly removes: ReadonlyMap<InstanceId, readonly DagNode[]>
  /** What the adding commits say of an instance; of several, that of the lowest epoch. */
  readonly described: ReadonlyMap<InstanceId, RosterMember>
  /** Commits that changed the settings. */
  readonly settings: readonly DagNode[]
  /** Whether every resolved head was known; if not, the answer changes when one arrives. */
  readonly complete: boolean
}

function append<K>(map: Map<K, DagNode[]>, key: K, node: DagNode): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [node])
  else list.push(node)
}

/** Operations at or before the given epochs. */
export function collectOperations(dag: Dag, heads: readonly DagNode[]): Operations {
  const founders = new Map<InstanceId, RosterMember>()
  const founderOf = new Map<InstanceId, DagNode>()
  const adds = new Map<InstanceId, DagNode[]>()
  const removes = new Map<InstanceId, DagNode[]>()
  const described = new Map<InstanceId, RosterMember>()
  const describedBy = new Map<InstanceId, DagNode>()
  const settings: DagNode[] = []
  let complete = true

  const seen = new Set<DagNode>()
  const waiting = [...heads]
  for (let line = waiting.pop(); line !== undefined; line = waiting.pop()) {
    for (let node: DagNode | undefined = line.lastChange; node !== undefined; node = node.parent?.lastChange) {
      if (seen.has(node)) break
      seen.add(node)
      for (const member of node.facts.roster ?? []) {
        const other = founderOf.get(member.instance)
        if (other !== undefined && other.id < node.id) continue
        founders.set(member.instance, member)
        founderOf.set(member.instance, node)
      }
      for (const member of node.facts.adds) {
        append(adds, member.instance, node)
        const by = describedBy.get(member.instance)
        if (by === undefined || node.id < by.id) {
          described.set(member.instance, member)
          describedBy.set(member.instance, node)
        }
      }
      for (const instance of node.facts.removes) append(removes, instance, node)
      if (node.facts.settings !== undefined) settings.push(node)
      for (const { head } of node.facts.resolves) {
        const target = dag.findNode(head)
        if (target === undefined) complete = false
        else waiting.push(target)
      }
    }
  }
  return { founders, adds, removes, described, settings, complete }
}
