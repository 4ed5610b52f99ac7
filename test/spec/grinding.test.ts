/**
 * What the author of a fork epoch gains by trying many commits before it publishes one (scenario 2). The hash that breaks
 * ties is over the fork epoch's name, which that author can choose among as many as it makes, and a committer's leaf. Whoever
 * commits *in* the epoch cannot: `fork-choice.test.ts` tries that.
 */
import {
  type DmlsEpoch,
  dmlsEpoch,
  type EpochFacts,
  type ForkChoicePolicy,
  forkChoice,
  type InstanceId,
} from '@dmls/dmls'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dagOf, founder, rootFacts, sha256 } from './arbitraries.ts'
import { type History, isAtOrBelow } from './history.ts'

const MALLORY = 0
const support: ForkChoicePolicy = { kind: 'support' }
const depthWitness: ForkChoicePolicy = {
  kind: 'depth-witness',
  boost: 2,
  quorum: { numerator: 1, denominator: 2 },
  rewindMax: 3,
}

/** Names that nobody can foresee. */
function name(...of: readonly (string | number)[]): DmlsEpoch {
  return dmlsEpoch(Buffer.from(sha256(Buffer.from(of.join(' ')))).toString('hex'))
}

function commit(by: number, parent: EpochFacts, id: DmlsEpoch, removes: readonly InstanceId[] = []): EpochFacts {
  const { instance, leafIndex } = founder(by)
  return {
    id,
    parent: parent.id,
    epoch: parent.epoch + 1n,
    committer: instance,
    committerLeaf: leafIndex,
    counter: parent.epoch + 1n,
    resolves: [],
    adds: [],
    removes,
    updates: [instance],
    settings: undefined,
    confirmationTag: id,
  }
}

/** Everything that can differ about a tie of several members, and what mallory tries. */
interface Tie {
  readonly seed: number
  /** Members that commit in the fork epoch at once; mallory is one of them. */
  readonly rivals: number
  readonly policy?: ForkChoicePolicy
  /** Whom mallory removes beside, on purpose: a member that does not commit. */
  readonly removing?: 'nobody' | 'somebody'
  /** Members that say something in the last rival's branch. */
  readonly voices?: number
}

/** One fork epoch of mallory's, of the many that it could have made, and everybody's commits in it. */
function historyOf(tie: Tie, forkAttempt: number, childAttempt: number): { all: History; own: DmlsEpoch } {
  const { seed, rivals, removing = 'nobody', voices = 0 } = tie
  const members = Array.from({ length: rivals + voices + 1 }, (_, i) => founder(i))
  const root = rootFacts(name(seed, 'root'), members)
  const fork = commit(MALLORY, root, name(seed, 'fork', forkAttempt))
  const victims = removing === 'somebody' ? [founder(rivals + voices).instance] : []
  const children = Array.from({ length: rivals }, (_, by) => {
    const attempt = by === MALLORY ? childAttempt : 0
    return commit(by, fork, name(fork.id, 'by', by, attempt), by === MALLORY ? victims : [])
  })
  const messages = Array.from({ length: voices }, (_, i) => ({
    sender: founder(rivals + i).instance,
    counter: 1n,
    epoch: (children[rivals - 1] as EpochFacts).id,
  }))
  return { all: { epochs: [root, fork, ...children], messages }, own: (children[MALLORY] as EpochFacts).id }
}

function wins(tie: Tie, forkAttempt: number, childAttempt = 0): boolean {
  const { all, own } = historyOf(tie, forkAttempt, childAttempt)
  return isAtOrBelow(all, forkChoice(tie.policy ?? support).chooseHead(dagOf(all), sha256), own)
}

/** Whether one of so many fork epochs makes mallory the winner. */
function winsWithin(tie: Tie, forkAttempts: number): boolean {
  for (let attempt = 0; attempt < forkAttempts; attempt++) if (wins(tie, attempt)) return true
  return false
}

const RUNS = 400

function rateOf(tie: Omit<Tie, 'seed'>, forkAttempts: number): number {
  let won = 0
  for (let seed = 0; seed < RUNS; seed++) if (winsWithin({ ...tie, seed }, forkAttempts)) won++
  return won / RUNS
}

describe('the author of a fork epoch that makes many before it publishes one', () => {
  test.each([
    [2, [1, 2, 4, 8]],
    [4, [1, 4, 16]],
    [8, [1, 8, 16]],
  ] as const)('wins a tie of %i more often, as chance has it (scenario 2)', (rivals, attempts) => {
    for (const policy of [support, depthWitness]) {
      const measured = attempts.map((k) => rateOf({ rivals, policy }, k))
      for (const [i, k] of attempts.entries()) {
        const expected = 1 - (1 - 1 / rivals) ** k
        // five standard deviations of so many runs
        const tolerance = 5 * Math.sqrt((expected * (1 - expected)) / RUNS) + 1 / RUNS
        expect(Math.abs((measured[i] as number) - expected), `${k} attempts: ${measured[i]}`).toBeLessThan(tolerance)
      }
    }
  })

  test('gains nothing by trying its commit in the fork epoch, whatever it did before (scenario 2)', () => {
    const outcomes = new Set<boolean>()
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 2, max: 8 }), fc.nat(20), fc.nat(1000), (seed, rivals, fork, child) => {
        for (const policy of [support, depthWitness]) {
          const won = wins({ seed, rivals, policy }, fork)
          outcomes.add(won)
          expect(wins({ seed, rivals, policy }, fork, child)).toBe(won)
        }
      }),
      { numRuns: 300 },
    )
    expect(outcomes.size).toBe(2)
  })

  test('needs no attempts when it removes somebody beside: that wins every tie with commits that do not (scenario 2)', () => {
    expect(rateOf({ rivals: 4, removing: 'somebody' }, 1)).toBe(1)
  })

  test('decides ties and nothing else: one voice for another branch, and no attempt helps (scenario 2)', () => {
    for (const removing of ['nobody', 'somebody'] as const) {
      for (let seed = 0; seed < 20; seed++) {
        expect(winsWithin({ seed, rivals: 4, voices: 1, removing }, 64)).toBe(false)
      }
    }
  })

  test('decides with depth-witness ties of depth, and a quorum or one epoch more beats it (scenario 2)', () => {
    for (let seed = 0; seed < 20; seed++) {
      // two rivals, and four others of seven stand with the second
      expect(winsWithin({ seed, rivals: 2, voices: 4, policy: depthWitness }, 64)).toBe(false)
      for (let attempt = 0; attempt < 16; attempt++) {
        const { all, own } = historyOf({ seed, rivals: 2 }, attempt, 0)
        const rival = all.epochs.at(-1) as EpochFacts
        const deeper = { ...all, epochs: [...all.epochs, commit(1, rival, name(rival.id, 'next'))] }
        const head = forkChoice(depthWitness).chooseHead(dagOf(deeper), sha256)
        expect(isAtOrBelow(deeper, head, own)).toBe(false)
      }
    }
  })

  test('gains nothing with designated, where the designated committer stands on a branch (scenario 2)', () => {
    const designated = (by: number): ForkChoicePolicy => ({ kind: 'designated', instances: [founder(by).instance] })
    for (const removing of ['nobody', 'somebody'] as const) {
      for (let seed = 0; seed < 20; seed++) {
        expect(winsWithin({ seed, rivals: 4, removing, policy: designated(1) }, 64)).toBe(false)
      }
    }
    // where nobody is designated who has chosen a branch, it is support that decides
    const idle = designated(4)
    expect(rateOf({ rivals: 4, policy: idle }, 16)).toBe(rateOf({ rivals: 4 }, 16))
  })
})
