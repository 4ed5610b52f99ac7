/** That nothing walks the whole history or the whole group for one more epoch. Bounds are generous: machines are shared. */
import { toHex, utf8 } from '@dmls/crypto'
import { expect, test } from 'vitest'
import { Dag } from '../../src/dag/dag.ts'
import type { EpochFacts, RosterMember } from '../../src/dag/epoch-facts.ts'
import { dmlsEpoch, type InstanceId, instanceId } from '../../src/dag/identifiers.ts'
import { supportForkChoice } from '../../src/fork-choice/support.ts'
import { plan, planReconciliation, unsatisfied } from '../../src/reconcile/plan.ts'
import { retentionStages } from '../../src/retention/retention.ts'
import { DEFAULT_RETENTION } from '../../src/retention/retention-policy.ts'
import { hash } from '../suites.ts'

const MEMBERS = 120

function digest(text: string): string {
  return toHex(hash(utf8(text)))
}

const people: readonly RosterMember[] = Array.from({ length: MEMBERS }, (_, leafIndex) => ({
  instance: instanceId(digest(`instance ${leafIndex}`)),
  identity: digest(`person ${leafIndex}`),
  leafIndex,
}))

const root: EpochFacts = {
  id: dmlsEpoch(digest('root')),
  parent: undefined,
  epoch: 0n,
  committer: undefined,
  committerLeaf: undefined,
  counter: 0n,
  resolves: [],
  adds: [],
  removes: [],
  updates: [],
  settings: undefined,
  confirmationTag: '00',
}
const start: Dag = Dag.empty().insert({ ...root, roster: people })

function child(parent: EpochFacts, turn: number, extra: Partial<EpochFacts> = {}): EpochFacts {
  const { instance, leafIndex } = people[turn % MEMBERS] as RosterMember
  return {
    ...root,
    id: dmlsEpoch(digest(`epoch ${turn}`)),
    parent: parent.id,
    epoch: parent.epoch + 1n,
    committer: instance,
    committerLeaf: leafIndex,
    counter: BigInt(turn + 1),
    updates: [instance],
    confirmationTag: digest(`tag ${turn}`),
    ...extra,
  }
}

function newcomer(name: string): RosterMember {
  return { instance: instanceId(digest(name)), identity: digest(`person ${name}`), leafIndex: MEMBERS + 5 }
}

test('two branches of 5 000 epochs each with 120 members: 10 000 insertions, each with a choice (scenario 30)', () => {
  const started = performance.now()
  let dag = start
  const tips: [EpochFacts, EpochFacts] = [root, root]
  for (let turn = 0; turn < 10_000; turn++) {
    const side = turn % 2 === 0 ? 0 : 1
    const facts = child(tips[side], turn, turn % 20 < 2 ? { adds: [newcomer(`n${turn}`)] } : {})
    tips[side] = facts
    dag = dag.insert(facts)
    supportForkChoice.chooseHead(dag, hash)
  }
  const made = planReconciliation(dag, supportForkChoice, hash)
  expect(made?.add.length).toBe(500)
  const held = dag.epochs().slice(-1024)
  const stages = retentionStages(dag, DEFAULT_RETENTION, {
    head: made?.base ?? root.id,
    own: (people[0] as RosterMember).instance,
    held: held.map(({ id }) => ({ id, stage: 'open', supersededForMs: 0, sizeBytes: 10_000 })),
    heads: dag.unresolvedHeads(),
  })
  expect(stages.size).toBe(1024)
  expect(performance.now() - started).toBeLessThan(20_000)
})

test('2 000 forks that are merged one after the other, members changing in each: 6 000 epochs', () => {
  const started = performance.now()
  let dag = start
  let tip = root
  let last: InstanceId | undefined
  for (let round = 0; round < 2000; round++) {
    const joined = newcomer(`x${round}`)
    const left = child(tip, 3 * round, { adds: [joined] })
    const right = child(tip, 3 * round + 1, { removes: last === undefined ? [] : [last] })
    dag = dag.insert(left).insert(right)
    supportForkChoice.chooseHead(dag, hash)
    const wanted = plan(dag, right.id, [left.id])
    expect(wanted.add.map(({ instance }) => instance)).toEqual([joined.instance])
    const merge = child(right, 3 * round + 2, {
      resolves: [{ head: left.id, forkPoint: tip.id }],
      adds: [joined],
      removes: wanted.remove,
    })
    dag = dag.insert(merge)
    expect(unsatisfied(dag, merge.id).empty).toBe(true)
    tip = merge
    last = joined.instance
  }
  expect(dag.unresolvedHeads()).toEqual([tip.id])
  expect(performance.now() - started).toBeLessThan(20_000)
})

test('a flood of 2 000 commits from one epoch by one member: every insertion with a choice (scenario 1)', () => {
  const started = performance.now()
  let dag = start
  for (let turn = 0; turn < 2000; turn++) {
    dag = dag.insert(child(root, turn * MEMBERS))
    supportForkChoice.chooseHead(dag, hash)
  }
  expect(dag.unresolvedHeads().length).toBe(2000)
  expect(performance.now() - started).toBeLessThan(20_000)
})
