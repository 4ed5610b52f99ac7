/** Histories that once went wrong, as fast-check shrank them. Names say what must hold now. */
import type { Operation, Scenario } from '@dmls/sim'

interface Regression {
  readonly name: string
  readonly scenario: Scenario
}

function scenario(
  world: Pick<Scenario, 'seed' | 'nodes' | 'founders'>,
  ...steps: readonly (readonly [thenMs: number, operation: Operation])[]
): Scenario {
  return { ...world, steps: steps.map(([thenMs, operation]) => ({ operation, thenMs })) }
}

export const REGRESSIONS: readonly Regression[] = [
  {
    name: 'a Welcome that several serve is not fetched again and again',
    scenario: scenario(
      { seed: 0, nodes: 3, founders: 2 },
      [0, { kind: 'add', who: 0, whom: 0 }],
      [30, { kind: 'add', who: 9, whom: 0 }],
      [0, { kind: 'update', who: 0 }],
    ),
  },
  {
    name: 'somebody who is removed and added again at once comes back',
    scenario: scenario(
      { seed: 0, nodes: 3, founders: 1 },
      [0, { kind: 'add', who: 0, whom: 0 }],
      [0, { kind: 'remove', who: 0, whom: 0 }],
      [30, { kind: 'add', who: 0, whom: 0 }],
      [30, { kind: 'say', who: 0 }],
    ),
  },
  {
    name: 'a person whom two invite at once ends up as the instance that keeps the place',
    scenario: scenario(
      { seed: 0, nodes: 3, founders: 1 },
      [11, { kind: 'add', who: 0, whom: 0 }],
      [17, { kind: 'add', who: 0, whom: 0 }],
      [30, { kind: 'add', who: 3, whom: 0 }],
      [30, { kind: 'join' }],
    ),
  },
  {
    name: 'a newcomer whose branch loses enters by the invitation of the other branch',
    scenario: scenario(
      { seed: 0, nodes: 4, founders: 3 },
      [30, { kind: 'add', who: 0, whom: 0 }],
      [400, { kind: 'add', who: 1, whom: 0 }],
      [30, { kind: 'say', who: 0 }],
    ),
  },
  {
    name: 'whoever came back after a removal survives a restart',
    scenario: scenario(
      { seed: 0, nodes: 5, founders: 2 },
      [400, { kind: 'leave', who: 7 }],
      [400, { kind: 'add', who: 0, whom: 0 }],
      [30, { kind: 'update', who: 0 }],
      [3916, { kind: 'partition', islands: [0, 0] }],
      [28, { kind: 'say', who: 0 }],
      [151, { kind: 'say', who: 0 }],
      [2, { kind: 'add', who: 0, whom: 0 }],
      [0, { kind: 'crash', who: 6 }],
    ),
  },
  {
    name: 'a merge that resolves the head of an own removal is followed by whoever came back',
    scenario: scenario(
      { seed: 0, nodes: 3, founders: 3 },
      [30, { kind: 'leave', who: 0 }],
      [400, { kind: 'add', who: 0, whom: 0 }],
      [289, { kind: 'say', who: 0 }],
      [30, { kind: 'add', who: 11, whom: 0 }],
      [30, { kind: 'say', who: 0 }],
    ),
  },
  {
    name: 'messages that waited are processed after a crash',
    scenario: scenario(
      { seed: 888194278, nodes: 3, founders: 1 },
      [0, { kind: 'add', who: 0, whom: 0 }],
      [10, { kind: 'add', who: 0, whom: 0 }],
      [47, { kind: 'update', who: 0 }],
      [30, { kind: 'crashAtWrite', who: 4, write: 1, what: 'after' }],
      [30, { kind: 'update', who: 0 }],
      [0, { kind: 'add', who: 0, whom: 0 }],
    ),
  },
  {
    name: 'a newcomer whose invitation fell with its branch follows the next one',
    scenario: scenario(
      { seed: 0, nodes: 4, founders: 2 },
      [0, { kind: 'update', who: 0 }],
      [0, { kind: 'remove', who: 0, whom: 0 }],
      [30, { kind: 'add', who: 3, whom: 3 }],
      [30, { kind: 'update', who: 0 }],
      [0, { kind: 'add', who: 0, whom: 2 }],
      [30, { kind: 'weather', weather: 'good' }],
    ),
  },
  {
    name: 'a newcomer whose invitation fell is invited again by the merge itself',
    scenario: scenario(
      { seed: 0, nodes: 3, founders: 2 },
      [0, { kind: 'remove', who: 1, whom: 0 }],
      [0, { kind: 'add', who: 0, whom: 0 }],
      [400, { kind: 'update', who: 3 }],
      [400, { kind: 'add', who: 0, whom: 1 }],
      [30, { kind: 'crashAtWrite', who: 0, write: 1, what: 'before' }],
    ),
  },
  {
    name: 'a newcomer whose invitation fell is invited again by somebody it does not know',
    scenario: scenario(
      { seed: 0, nodes: 5, founders: 1 },
      [30, { kind: 'add', who: 0, whom: 6 }],
      [0, { kind: 'remove', who: 7, whom: 0 }],
      [0, { kind: 'add', who: 0, whom: 5 }],
      [12, { kind: 'restart', who: 0 }],
      [0, { kind: 'crash', who: 0 }],
      [400, { kind: 'say', who: 0 }],
      [49, { kind: 'add', who: 0, whom: 0 }],
      [19, { kind: 'add', who: 0, whom: 7 }],
      [201, { kind: 'partition', islands: [0, 2, 0, 1] }],
      [389, { kind: 'join' }],
      [4, { kind: 'crashAtWrite', who: 0, write: 4, what: 'before' }],
      [19067, { kind: 'say', who: 11 }],
      [120, { kind: 'say', who: 0 }],
    ),
  },
  {
    name: 'a merge of several heads is heard on each of them',
    scenario: scenario(
      { seed: 0, nodes: 3, founders: 1 },
      [30, { kind: 'add', who: 0, whom: 0 }],
      [30, { kind: 'add', who: 0, whom: 0 }],
      [3056, { kind: 'remove', who: 1, whom: 0 }],
      [25, { kind: 'update', who: 0 }],
      [7, { kind: 'add', who: 3, whom: 0 }],
      [0, { kind: 'remove', who: 2, whom: 0 }],
      [30, { kind: 'update', who: 0 }],
      [30, { kind: 'add', who: 11, whom: 0 }],
      [30, { kind: 'say', who: 0 }],
      [284, { kind: 'say', who: 0 }],
      [12, { kind: 'partition', islands: [0, 0] }],
      [0, { kind: 'add', who: 4, whom: 0 }],
      [0, { kind: 'say', who: 0 }],
    ),
  },
  {
    name: 'whoever entered twice judges what happened since',
    scenario: scenario(
      { seed: 2074221143, nodes: 3, founders: 1 },
      [0, { kind: 'add', who: 0, whom: 1 }],
      [69, { kind: 'weather', weather: 'good' }],
      [0, { kind: 'add', who: 9, whom: 0 }],
      [30, { kind: 'add', who: 0, whom: 0 }],
      [47, { kind: 'update', who: 11 }],
      [0, { kind: 'update', who: 0 }],
      [400, { kind: 'update', who: 1 }],
      [30, { kind: 'crashAtWrite', who: 0, write: 1, what: 'before' }],
    ),
  },
  {
    name: 'late messages of removed members do not part those who remain',
    scenario: scenario(
      { seed: 314226505, nodes: 5, founders: 5 },
      [140, { kind: 'weather', weather: 'bad' }],
      [30, { kind: 'say', who: 2 }],
      [28, { kind: 'add', who: 0, whom: 0 }],
      [9, { kind: 'update', who: 8 }],
      [7, { kind: 'add', who: 0, whom: 0 }],
      [319, { kind: 'partition', islands: [0, 0, 1, 1, 1, 2, 0, 0, 2, 0, 2, 0] }],
      [18, { kind: 'add', who: 11, whom: 6 }],
      [106, { kind: 'say', who: 11 }],
      [2, { kind: 'say', who: 3 }],
      [315, { kind: 'weather', weather: 'good' }],
      [15, { kind: 'remove', who: 9, whom: 10 }],
      [56, { kind: 'say', who: 8 }],
      [279, { kind: 'update', who: 1 }],
      [17220, { kind: 'leave', who: 5 }],
      [1141, { kind: 'remove', who: 6, whom: 0 }],
      [20, { kind: 'say', who: 10 }],
      [1630, { kind: 'say', who: 3 }],
      [143, { kind: 'remove', who: 10, whom: 6 }],
      [15533, { kind: 'remove', who: 6, whom: 1 }],
    ),
  },
  {
    name: 'whom another branch invited is not invited a second time by the merge',
    scenario: scenario(
      { seed: 0, nodes: 5, founders: 4 },
      [0, { kind: 'add', who: 0, whom: 0 }],
      [39, { kind: 'update', who: 3 }],
      [0, { kind: 'leave', who: 4 }],
      [30, { kind: 'add', who: 0, whom: 0 }],
    ),
  },
  {
    name: 'nor when the two invitations would be merged by the one who makes the second',
    scenario: scenario(
      { seed: 0, nodes: 3, founders: 2 },
      [0, { kind: 'add', who: 1, whom: 0 }],
      [30, { kind: 'update', who: 0 }],
      [0, { kind: 'add', who: 0, whom: 0 }],
      [30, { kind: 'remove', who: 0, whom: 10 }],
      [0, { kind: 'say', who: 0 }],
    ),
  },
  {
    name: 'a handover from a branch that was left leads nobody back',
    scenario: scenario(
      { seed: 0, nodes: 4, founders: 3 },
      [0, { kind: 'remove', who: 4, whom: 0 }],
      [46, { kind: 'add', who: 0, whom: 0 }],
      [30, { kind: 'partition', islands: [0, 1, 0] }],
      [30, { kind: 'say', who: 2 }],
      [307, { kind: 'update', who: 1 }],
      [312, { kind: 'crash', who: 0 }],
      [59, { kind: 'add', who: 6, whom: 6 }],
      [98, { kind: 'add', who: 11, whom: 6 }],
      [255, { kind: 'update', who: 5 }],
      [0, { kind: 'remove', who: 4, whom: 3 }],
      [12, { kind: 'partition', islands: [0, 2, 1, 2, 1, 0, 1, 2, 0] }],
      [6391, { kind: 'update', who: 10 }],
      [10222, { kind: 'partition', islands: [1, 2, 0, 0, 0, 2, 1, 2, 0, 2, 0, 0] }],
    ),
  },
]
