/**
 * The plot: six members found a group; the network is cut; both sides change the group and go on talking; a process is
 * killed and comes back; the cut ends and the two histories become one. Ends with the facts, and judges nothing.
 */
import { cp, rm } from 'node:fs/promises'
import { setTimeout } from 'node:timers/promises'
import { shortId } from '../history/history.ts'
import type { SentText } from '../member/protocol.ts'
import type { Actor } from './actor.ts'
import { areUp, haveArrived, knowTheyAreOut } from './conditions.ts'
import { RequestFailed } from './member-process.ts'
import type { Outcome } from './outcome.ts'
import {
  FOUNDERS,
  GREETINGS,
  NEWCOMER,
  OLD_KEYS,
  OUTCAST,
  REMAINING,
  REUNION,
  SIDE_A,
  SIDE_B,
  THIEF,
  VICTIM,
} from './plot.ts'
import { list, type Stage } from './stage.ts'
import { takeStock, tellOfCopy } from './stock.ts'

/** How long the thief waits before it tries again. */
const REPEAT_MS = 700

/** Plays the whole plot. @throws Error when something that has to happen does not happen in time */
export async function play(stage: Stage): Promise<Outcome> {
  await foundTheGroup(stage)
  await stealTheStore(stage)
  const attempts = await cutTheNetwork(stage)
  stage.screen.heading('Two histories: both sides change the group and go on talking')
  const [refusalOfRemoved] = await Promise.all([playSideB(stage), playSideA(stage)])
  const heads = [(await stage.group('alice')).dmlsEpoch, (await stage.group('dave')).dmlsEpoch]
  await reunite(stage, heads)
  await talkAgain(stage)
  const said = await speakFromTheCopy(stage)
  return {
    ...(await takeStock(stage)),
    cut: { sides: [SIDE_A, SIDE_B], ...attempts, heads },
    refusalOfRemoved,
    copyMessage: tellOfCopy(stage, said),
  }
}

async function foundTheGroup(stage: Stage): Promise<void> {
  const { cast, screen } = stage
  const everybody = [...FOUNDERS, NEWCOMER]
  screen.heading('Seven processes, six of them found a group')
  const actors = everybody.map((name) => cast.engage(name))
  for (const actor of actors) void actor.start().catch(() => undefined)
  await stage.until('all processes are up', () => areUp(actors))
  for (const actor of actors) stage.tell(actor, `is up: process ${actor.pid} at ${addressOf(actor)}`)
  await stage.connect([everybody], 'everybody is connected')

  const [founder, ...others] = FOUNDERS
  await cast.within(
    `${founder} has founded the group`,
    (stop) => cast.actor(founder).insist({ do: 'create' }, stop),
    stage.waitMaxMs,
  )
  const { dmlsEpoch } = await stage.group(founder)
  stage.tell(cast.actor(founder), `founds the group  → epoch 0 · ${shortId(dmlsEpoch)}`)
  const identities = stage.actors(others).flatMap(({ identity }) => identity ?? [])
  await stage.change(founder, { do: 'add', identities }, { followers: FOUNDERS, members: FOUNDERS })
  for (const name of FOUNDERS) await stage.say(name, GREETINGS[name] ?? 'hello', 'before the cut', FOUNDERS)
}

/** Copies a member's store while its process is down. */
async function stealTheStore(stage: Stage): Promise<void> {
  const original = stage.cast.actor(OUTCAST)
  const thief = stage.cast.engage(THIEF, { isDeaf: true })
  await original.stop()
  await rm(thief.folder, { recursive: true, force: true })
  await cp(original.folder, thief.folder, { recursive: true })
  stage.tell(original, `is copied: ${THIEF} has the whole store now, and will use it later`)
  void original.start().catch(() => undefined)
  await stage.until(`${OUTCAST} is back`, () => stage.partition.progress())
}

async function cutTheNetwork(stage: Stage): Promise<{ attempts: number; refused: number }> {
  stage.screen.heading(`The network is cut: ${SIDE_A.join(' ')}  |  ${SIDE_B.join(' ')}`)
  await stage.connect([SIDE_A, SIDE_B], 'the network is cut')
  const addresses = stage.actors(SIDE_B).flatMap(({ state }) => state?.addresses.slice(0, 1) ?? [])
  const results = await Promise.all(
    stage
      .actors(SIDE_A)
      .map(
        (actor) =>
          stage.cast.within(
            `${actor.name} has tried to reach the other side`,
            () => actor.call({ do: 'dial', addresses }),
            stage.waitMaxMs,
          ) as Promise<{ reached: readonly string[]; refused: readonly string[] }>,
      ),
  )
  const refused = results.reduce((sum, result) => sum + result.refused.length, 0)
  const attempts = results.reduce((sum, result) => sum + result.reached.length, refused)
  stage.screen.tell('', `connections closed; ${refused} of ${attempts} attempts to connect across were refused`)
  return { attempts, refused }
}

/** Somebody is added, and somebody's process is killed and comes back. */
async function playSideA(stage: Stage): Promise<void> {
  const { cast } = stage
  const members = [...FOUNDERS, NEWCOMER]
  const identity = cast.actor(NEWCOMER).identity ?? ''
  await stage.change('bob', { do: 'add', identities: [identity] }, { followers: SIDE_A, members })
  await stage.say('bob', `meet ${NEWCOMER}`, 'during the cut', SIDE_A)

  const victim = cast.actor(VICTIM)
  const awake = SIDE_A.filter((name) => name !== VICTIM)
  const last = await stage.speak(VICTIM, 'we are going into a tunn', 'during the cut')
  const { pid } = victim
  await victim.killForNow()
  stage.tell(victim, `process ${pid} is killed with SIGKILL`)
  const missed = await stage.speak('alice', `${VICTIM}? are you still there?`, 'during the cut')
  await stage.heard(missed, awake)
  const { dmlsEpoch } = await stage.group('alice')
  await stage.change('alice', { do: 'update', after: dmlsEpoch }, { followers: awake, members })
  void victim.start().catch(() => undefined)
  await stage.until(`${VICTIM} is back`, () => areUp([victim]))
  stage.tell(victim, `is back from its store: process ${victim.pid}`)
  await stage.heard(last, SIDE_A)
  await stage.heard(missed, [VICTIM])
  await stage.agreement(SIDE_A, members)
  await stage.say(VICTIM, 'back. what did I miss?', 'during the cut', SIDE_A)
}

/** Somebody is removed, and those who remain change their keys. Returns what the removed one is told when it speaks. */
async function playSideB(stage: Stage): Promise<string | undefined> {
  const { cast } = stage
  const outcast = cast.actor(OUTCAST)
  const members = FOUNDERS.filter((name) => name !== OUTCAST)
  const followers = SIDE_B.filter((name) => name !== OUTCAST)
  const identities = [outcast.identity ?? '']
  const { dmlsEpoch } = await stage.change('dave', { do: 'remove', identities }, { followers, members })
  await stage.until(`${OUTCAST} knows of the removal`, () => knowTheyAreOut([outcast]))
  const refusal = await outcast.call({ do: 'send', text: 'hey, what is going on?' }).then(
    () => undefined,
    (error: unknown) => (error instanceof RequestFailed ? error.message : String(error)),
  )
  stage.tell(outcast, refusal === undefined ? 'still speaks' : `cannot speak any more: ${refusal}`)
  const afterErin = await stage.change('erin', { do: 'update', after: dmlsEpoch }, { followers, members })
  await stage.say('erin', 'new keys, now we are among ourselves', 'during the cut', followers)
  await stage.change('dave', { do: 'update', after: afterErin.dmlsEpoch }, { followers, members })
  await stage.say('dave', 'where are the others?', 'during the cut', followers)
  return refusal
}

async function reunite(stage: Stage, heads: readonly string[]): Promise<void> {
  const everybody = [...FOUNDERS, NEWCOMER]
  stage.screen.heading(`The cut ends: two heads, ${heads.map(shortId).join(' and ')}, have to become one`)
  await stage.connect([everybody], 'everybody is connected')
  stage.screen.tell('', 'connected again')
  await stage.agreement(REMAINING, REMAINING)
  const { dmlsEpoch, epoch } = await stage.group('alice')
  stage.screen.tell('', `one head again: epoch ${epoch} · ${shortId(dmlsEpoch)} at ${list(REMAINING)}`)
}

async function talkAgain(stage: Stage): Promise<void> {
  stage.screen.heading('One group again')
  for (const name of REMAINING) await stage.say(name, REUNION[name] ?? 'hello', 'after the merge', REMAINING)
}

/**
 * A client is started on the copy of the outcast's store. It speaks, and does not listen; until everybody has heard
 * something it says more. Returns what it said.
 */
async function speakFromTheCopy(stage: Stage): Promise<readonly SentText[]> {
  const { cast, partition } = stage
  const thief = cast.actor(THIEF)
  void thief.start().catch(() => undefined)
  await stage.until(`${THIEF} is up`, () => areUp([thief]))
  partition.set([[...FOUNDERS, NEWCOMER, THIEF]])
  await stage.until(`${THIEF} is connected`, () => partition.progress())
  const said: SentText[] = []
  const enough = new AbortController()
  const speaking = (async () => {
    while (!enough.signal.aborted) {
      said.push(await stage.utter(THIEF, OLD_KEYS[said.length] ?? `hello? (${said.length})`))
      await setTimeout(REPEAT_MS, undefined, { signal: enough.signal }).catch(() => undefined)
    }
  })()
  try {
    await Promise.race([
      speaking,
      stage.until(`${THIEF} has reached everybody`, () => haveArrived(stage.actors(REMAINING), wireIdsOf(said))),
    ])
  } finally {
    enough.abort()
  }
  await speaking
  return said
}

function wireIdsOf(said: readonly SentText[]): readonly string[] {
  return said.flatMap(({ wireIds }) => wireIds)
}

/** Without the peer id, which is long and tells people nothing. */
function addressOf({ state }: Actor): string {
  return state?.addresses[0]?.replace(/\/p2p\/.*/, '') ?? ''
}
