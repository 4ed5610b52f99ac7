/** Histories that once went wrong after a backup was restored, and a state found out that it is lost. */
import type { Regression } from './regression.ts'

export const LOST_STATE_REGRESSIONS: readonly Regression[] = [
  {
    name: 'a restored member that asked twice follows the answer to either request',
    deletes: true,
    scenario: {
      seed: 802717718,
      nodes: 5,
      founders: 3,
      clocks: 'right',
      policy: { forkChoice: 'draft', admin: 'anyone', retention: 'default' },
      steps: [
        { operation: { kind: 'backup', who: 2 }, thenMs: 322 },
        { operation: { kind: 'weather', weather: 'bad' }, thenMs: 12087 },
        { operation: { kind: 'update', who: 5 }, thenMs: 334 },
        { operation: { kind: 'say', who: 5 }, thenMs: 396 },
        { operation: { kind: 'partition', islands: [1, 0, 1, 1, 1, 0, 0, 1, 2] }, thenMs: 12226 },
        { operation: { kind: 'restore', who: 7 }, thenMs: 0 },
        { operation: { kind: 'say', who: 0 }, thenMs: 11359 },
      ],
    },
  },
  {
    name: 'a restored member is brought back where only a named admin is, itself',
    deletes: true,
    scenario: {
      seed: 1310619303,
      nodes: 7,
      founders: 3,
      clocks: 'right',
      policy: { forkChoice: 'depth-witness', admin: 'named', retention: 'small' },
      steps: [
        { operation: { kind: 'update', who: 10 }, thenMs: 0 },
        { operation: { kind: 'say', who: 8 }, thenMs: 0 },
        { operation: { kind: 'leave', who: 10 }, thenMs: 0 },
        { operation: { kind: 'backup', who: 0 }, thenMs: 0 },
        { operation: { kind: 'add', who: 10, whom: 6 }, thenMs: 14341 },
        { operation: { kind: 'restore', who: 11 }, thenMs: 71 },
      ],
    },
  },
]
