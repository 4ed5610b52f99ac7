/** The histories that `docs/forks.md` tells, in its order. */
import { type DmlsEpoch, dmlsEpoch } from '@dmls/dmls'
import { Tale } from './tale.ts'

export interface Picture {
  /** Name of the file in `docs/pictures`, without its ending. */
  readonly name: string
  readonly title: string
  readonly subtitle: string
  readonly tale: Tale
  /** Heads that can be chosen, where some were left behind. */
  readonly among?: readonly DmlsEpoch[]
}

/** alice's group, before anything parts. */
export const group = Tale.ofGroup('bob', 'charlie', 'dave')

/** alice and bob commit in one epoch. */
export const twoCommits = group.commit('alice', 'a1', 'a2').commit('bob', 'a1', 'b1', { add: ['erin'] })

/** charlie goes on where bob was, alice alone where she was. */
export const support = twoCommits.commit('charlie', 'b1', 'c1').commit('alice', 'a2', 'a3').commit('alice', 'a3', 'a4')

/** dave's next commit absorbs a fork that left nothing to do. */
export const absorbed = support.commit('dave', 'c1', 'd1', { resolve: ['a4'], add: ['frank'] })

/** One side invites, the other removes. */
export const bothSides = group
  .commit('alice', 'a1', 'a2', { add: ['erin'] })
  .commit('dave', 'a1', 'd1', { remove: ['bob'] })
  .commit('charlie', 'd1', 'c1')

export const merged = bothSides.commit('charlie', 'c1', 'c2', { resolve: ['a2'], add: ['erin'] })

/** bob, who is being removed, invites frank, and frank invites erin. */
export const bobInvites = group.commit('bob', 'a1', 'b1', { add: ['frank'] })
export const voidAdditions = bobInvites
  .commit('alice', 'a1', 'a2', { remove: ['bob'] })
  .commit('charlie', 'a2', 'c1')
  .commit('frank', 'b1', 'f1', { add: ['erin'] })

export const voidAbsorbed = voidAdditions.commit('charlie', 'c1', 'c2', { resolve: ['f1'] })

/** bob's key was fresh on the side that lost. */
export const merging = group
  .commit('bob', 'a1', 'b1')
  .commit('alice', 'a1', 'a2')
  .commit('charlie', 'a2', 'c1')
  .commit('charlie', 'c1', 'c2', { resolve: ['b1'] })

export const healed = merging.commit('bob', 'c2', 'b2')

/** charlie did not know yet that b1 was resolved. */
export const lateChild = group
  .commit('alice', 'a1', 'a2')
  .commit('dave', 'a2', 'd1')
  .commit('bob', 'a1', 'b1')
  .commit('dave', 'd1', 'd2', { resolve: ['b1'] })
  .say('bob', 'd2')
  .commit('charlie', 'b1', 'c1', { add: ['erin'] })

export const lateResolved = lateChild.commit('alice', 'd2', 'a3', { resolve: ['c1'], add: ['erin'] })

/** Both sides invite. */
export const invitations = group
  .commit('alice', 'a1', 'a2', { add: ['erin'] })
  .commit('bob', 'a1', 'b1', { add: ['frank'] })

/** Two members merge at once, each on its own side: alice has heard charlie there, and bob has heard dave. */
export const crossing = invitations
  .say('charlie', 'a2')
  .say('dave', 'b1')
  .commit('alice', 'a2', 'a3', { resolve: ['b1'], add: ['frank'] })
  .commit('bob', 'b1', 'b2', { resolve: ['a2'], add: ['erin'] })

const crossed = crossing.head() === 'a3' ? (['a3', 'b2'] as const) : (['b2', 'a3'] as const)

export const uncrossed = crossing.commit('charlie', crossed[0], 'c1', { resolve: [crossed[1]] })

/** What erin sees of `merged`: two epochs that she was welcomed into. */
export const newcomer = Tale.welcomed('a2', 2, ['alice', 'bob', 'charlie', 'dave', 'erin'])
  .welcomedAgain('c2', 4, ['alice', 'charlie', 'dave', 'erin'])
  .commit('erin', 'c2', 'e1')

export const PICTURES: readonly Picture[] = [
  {
    name: 'two-commits',
    title: 'Two commits in one epoch',
    subtitle: 'alice and bob both commit in a1. Neither knew of the other, and both commits are valid.',
    tale: twoCommits,
  },
  {
    name: 'support',
    title: 'Two voices against one',
    subtitle: 'bob and charlie spoke last below b1, alice below a2. That her branch is longer counts for nothing.',
    tale: support,
  },
  {
    name: 'absorbed',
    title: 'Absorbed by an ordinary commit',
    subtitle: 'dave invites frank. His commit lists a4 as resolved, and nothing else had to be done for it.',
    tale: absorbed,
  },
  {
    name: 'both-sides',
    title: 'Changes on both sides',
    subtitle: 'alice invited erin on one side, dave removed bob on the other.',
    tale: bothSides,
  },
  {
    name: 'merged',
    title: 'A merge commit',
    subtitle: 'charlie lists a2 as resolved and adds erin again, by the key package that alice used.',
    tale: merged,
  },
  {
    name: 'void-additions',
    title: 'Nobody brings friends in on the way out',
    subtitle: 'bob invited frank beside his own removal, and frank invited erin. Both additions are void.',
    tale: voidAbsorbed,
  },
  {
    name: 'healed',
    title: 'A fresh key that lost, and came again',
    subtitle: "bob's update was made on the branch that lost. He updates once more on the one that won.",
    tale: healed,
  },
  {
    name: 'late-child',
    title: 'A late child opens the fork again',
    subtitle: 'charlie committed in b1 before the news that d2 resolves it. The invitation is not lost.',
    tale: lateResolved,
  },
  {
    name: 'crossing',
    title: 'Two merges that cross',
    subtitle: 'alice and bob merge at once. Both merges have the same members; charlie absorbs the fork between them.',
    tale: uncrossed,
  },
  {
    name: 'newcomer',
    title: 'The same merge, as erin sees it',
    subtitle: 'She was welcomed into a2, heard there that c2 resolves it, and followed the Welcome into c2.',
    tale: newcomer,
    among: [dmlsEpoch('e1')],
  },
]
