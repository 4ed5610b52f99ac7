/**
 * Which epochs keep their secrets, and how many of them (protocol §8). An epoch dies in steps: `head` → `retained` (can
 * process late commits) → `readable` (late application messages only) → `skeleton` (public facts). Pure: time comes in
 * as ages. Nothing here deletes anything.
 */
import { invalid } from '@dmls/mls'
import type { Dag } from '../dag/dag.ts'
import { type DagNode, forkPointOf, isAncestorOrSelf } from '../dag/dag-node.ts'
import { compareText, type DmlsEpoch, type InstanceId } from '../dag/identifiers.ts'
import { type Coverage, coverageOf } from './coverage.ts'
import type { RetentionPolicy, RetentionRule } from './retention-policy.ts'

export type RetentionStage = 'head' | 'retained' | 'readable' | 'skeleton'

/** An epoch whose secrets are held. */
export interface HeldEpochView {
  readonly id: DmlsEpoch
  /** `open` as long as it can process commits. It never becomes more than it is. */
  readonly stage: 'open' | 'readable'
  /** Milliseconds since the epoch got its first child, was resolved or was left behind; undefined if none of these. */
  readonly supersededForMs: number | undefined
  /** Bytes that its stored state takes. */
  readonly sizeBytes: number
}

export interface RetentionView {
  readonly head: DmlsEpoch
  /** Ourselves: we know that we make nothing but on the head, so nobody waits for our word. */
  readonly own: InstanceId
  readonly held: readonly HeldEpochView[]
  /** Heads that may yet be chosen: unresolved, and not left behind when we entered the group again. */
  readonly heads: readonly DmlsEpoch[]
}

/** Whether an epoch in this stage can process a commit. */
export function processesCommits(stage: RetentionStage): boolean {
  return stage === 'head' || stage === 'retained'
}

/**
 * Refuses a commit whose parent lies beyond the deletion horizon: the fork that it starts came too late (protocol §8).
 * @throws MlsError `invalid`/`beyond_horizon`
 */
export function checkHorizon(epoch: DmlsEpoch, stage: RetentionStage): void {
  if (!processesCommits(stage)) {
    throw invalid('beyond_horizon', 'the fork starts before what this member still holds', { epoch })
  }
}

/** What a rule is asked about. */
interface Situation {
  readonly head: DagNode
  readonly coverage: Coverage
}

/** Commits that the head is beyond the epoch, or beyond the point where the epoch's branch left. */
function behindHead(head: DagNode, node: DagNode): number {
  const forkPoint = forkPointOf(head, node)
  if (forkPoint !== undefined) return head.depth - forkPoint.depth
  return Math.max(0, Number(head.facts.epoch - node.facts.epoch))
}

/** Whether a rule says that an epoch is not needed any more. `any` of nothing never is, `all` of nothing always. */
function isOver(rule: RetentionRule, node: DagNode, view: HeldEpochView, situation: Situation): boolean {
  switch (rule.kind) {
    case 'all-members':
      return situation.coverage.spokenAfter(node) >= situation.coverage.members
    case 'quorum':
      return situation.coverage.spokenAfter(node) * rule.denominator >= situation.coverage.members * rule.numerator
    case 'depth':
      return behindHead(situation.head, node) >= rule.epochs
    case 'age':
      return view.supersededForMs !== undefined && view.supersededForMs >= rule.ageMs
    case 'any':
      return rule.rules.some((inner) => isOver(inner, node, view, situation))
    case 'all':
      return rule.rules.every((inner) => isOver(inner, node, view, situation))
  }
}

/**
 * The stage that each held epoch should be in now. An unresolved head stays `retained` until the caps say otherwise;
 * the head always stays.
 * @throws MlsError `missing`/`unknown_epoch`
 */
export function retentionStages(
  dag: Dag,
  policy: RetentionPolicy,
  view: RetentionView,
): ReadonlyMap<DmlsEpoch, RetentionStage> {
  const head = dag.node(view.head)
  const situation: Situation = { head, coverage: coverageOf(dag, head, view.own) }
  const unresolved = new Set(view.heads)
  const stages = new Map<DmlsEpoch, RetentionStage>()
  for (const held of view.held) {
    const node = dag.node(held.id)
    const needed = unresolved.has(held.id) || !isOver(policy.retained, node, held, situation)
    if (held.id === view.head) stages.set(held.id, 'head')
    else if (needed && held.stage === 'open') stages.set(held.id, 'retained')
    else if (needed || !isOver(policy.readable, node, held, situation)) stages.set(held.id, 'readable')
    else stages.set(held.id, 'skeleton')
  }
  applyCaps(dag, policy, view, stages, unresolved)
  return stages
}

/** Turns epochs into skeletons until the caps hold, least needed first. */
function applyCaps(
  dag: Dag,
  policy: RetentionPolicy,
  view: RetentionView,
  stages: Map<DmlsEpoch, RetentionStage>,
  unresolved: ReadonlySet<DmlsEpoch>,
): void {
  const kept = view.held.filter(({ id }) => stages.get(id) !== 'skeleton')
  let count = kept.length
  let sizeBytes = kept.reduce((sum, held) => sum + held.sizeBytes, 0)
  if (count <= policy.epochsMax && sizeBytes <= policy.sizeMaxBytes) return
  for (const held of inOrderOfEviction(dag, view.head, kept, stages, unresolved)) {
    if (count <= policy.epochsMax && sizeBytes <= policy.sizeMaxBytes) return
    stages.set(held.id, 'skeleton')
    count -= 1
    sizeBytes -= held.sizeBytes
  }
}

/**
 * Readable epochs first, then epochs of resolved branches, then other unresolved heads, and the head's own ancestors
 * last, oldest first. Beside the head's branch, whoever made most of the epochs loses first, and of those the latest:
 * a member that floods the group fills its own share only (scenario 1).
 */
function inOrderOfEviction(
  dag: Dag,
  head: DmlsEpoch,
  kept: readonly HeldEpochView[],
  stages: ReadonlyMap<DmlsEpoch, RetentionStage>,
  unresolved: ReadonlySet<DmlsEpoch>,
): readonly HeldEpochView[] {
  const headNode = dag.node(head)
  const candidates = kept
    .filter((held) => held.id !== head)
    .map((held) => {
      const node = dag.node(held.id)
      const onBranch = isAncestorOrSelf(node, headNode)
      const kind = stages.get(held.id) === 'readable' ? 0 : onBranch ? 3 : unresolved.has(held.id) ? 2 : 1
      return { held, node, kind, share: 0 }
    })
  candidates.sort((a, b) => a.node.depth - b.node.depth || compareCounters(a.node, b.node))
  const made = new Map<string, number>()
  for (const candidate of candidates) {
    if (candidate.kind !== 1 && candidate.kind !== 2) continue
    const committer = `${candidate.kind} ${candidate.node.facts.committer ?? ''}`
    candidate.share = made.get(committer) ?? 0
    made.set(committer, candidate.share + 1)
  }
  // the sort is stable: where the shares are equal, as they are on the branch, the oldest comes first
  candidates.sort((a, b) => a.kind - b.kind || b.share - a.share)
  return candidates.map(({ held }) => held)
}

function compareCounters(a: DagNode, b: DagNode): number {
  if (a.facts.counter !== b.facts.counter) return a.facts.counter < b.facts.counter ? -1 : 1
  return compareText(a.id, b.id)
}
