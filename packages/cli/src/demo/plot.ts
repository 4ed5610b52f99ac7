/** Who takes part in the demonstration, on which side of the cut, and what they say. */

export const FOUNDERS = ['alice', 'bob', 'charlie', 'dave', 'erin', 'frank'] as const

/** Added during the cut, on side A. */
export const NEWCOMER = 'grace'
/** Removed during the cut, on side B. */
export const OUTCAST = 'frank'
/** Starts a copy of the outcast's store that was made before the removal. */
export const THIEF = 'mallory'
/** Killed during the cut, on side A. */
export const VICTIM = 'charlie'

export const SIDE_A: readonly string[] = ['alice', 'bob', 'charlie', NEWCOMER]
export const SIDE_B: readonly string[] = ['dave', 'erin', OUTCAST]

/** Who is in the group in the end. */
export const REMAINING: readonly string[] = ['alice', 'bob', 'charlie', 'dave', 'erin', NEWCOMER]

export const GREETINGS: Readonly<Record<string, string>> = {
  alice: 'welcome, all of you',
  bob: 'good to be here',
  charlie: 'hello from the train',
  dave: 'hi',
  erin: 'morning!',
  frank: 'frank speaking',
}

/** After the cut has ended. */
export const REUNION: Readonly<Record<string, string>> = {
  alice: 'can everybody read this?',
  bob: 'loud and clear',
  charlie: 'so my store was worth something',
  dave: 'we are back',
  erin: 'and who is grace?',
  grace: 'hello, I am new here',
}

/** What is said with the outcast's old keys, one after the other until it has reached everybody. */
export const OLD_KEYS: readonly string[] = ['I still have the old keys', 'does anybody read this?', 'it is me, really']
