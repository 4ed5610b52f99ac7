/** What there is to say at the end: every process is asked, and what they could read is counted. */
import { nameEveryone } from '../history/naming.ts'
import type { HistoryReport, SentText } from '../member/protocol.ts'
import type { MemberOutcome, MessageOutcome, Outcome } from './outcome.ts'
import { FOUNDERS, NEWCOMER, OUTCAST, REMAINING, THIEF, VICTIM } from './plot.ts'
import { list, type Sent, type Stage } from './stage.ts'

/** A group that commits more often than this after a merge does not come to rest, and the checks shall say so. */
const ATTEMPTS_MAX = 10

type Stock = Omit<Outcome, 'cut' | 'refusalOfRemoved' | 'copyMessage'>

/**
 * What every process sees when nothing is under way any more. Members heal by themselves after a merge, so somebody may
 * commit while the others are being asked: then all of them are asked again.
 */
export async function takeStock(stage: Stage): Promise<Stock> {
  for (let attempt = 1; ; attempt++) {
    await stage.agreement(REMAINING, REMAINING)
    const stock = await askEverybody(stage)
    const remaining = stock.members.filter(({ name }) => REMAINING.includes(name))
    const heads = new Set([stock.history.head, ...remaining.map(({ dmlsEpoch }) => dmlsEpoch)])
    if (heads.size === 1 || attempt === ATTEMPTS_MAX) return stock
  }
}

async function askEverybody(stage: Stage): Promise<Stock> {
  const { cast } = stage
  const names = cast.names()
  const members = await Promise.all(
    [...FOUNDERS, NEWCOMER].map(async (name): Promise<MemberOutcome> => {
      const { groupId: _, members: roster, ...rest } = await stage.group(name)
      return {
        name,
        ...rest,
        members: roster.map(({ identity }) => names.get(identity) ?? identity).sort(),
        starts: cast.actor(name).starts,
      }
    }),
  )
  const history = (await cast.within(
    'alice tells the history',
    () => cast.actor('alice').call({ do: 'history' }),
    stage.waitMaxMs,
  )) as HistoryReport
  return {
    expectedMembers: [...REMAINING].sort(),
    added: NEWCOMER,
    removed: OUTCAST,
    killed: VICTIM,
    members,
    messages: stage.sent.map((sent) => messageOutcome(stage, sent)),
    history: nameEveryone(history, names),
  }
}

function messageOutcome(stage: Stage, { from, phase, sent }: Sent): MessageOutcome {
  const others = stage.actors([...FOUNDERS, NEWCOMER]).filter(({ name }) => name !== from)
  return {
    from,
    text: sent.text,
    phase,
    dmlsEpoch: others.flatMap(({ received }) => received.get(sent.messageId)?.dmlsEpoch ?? [])[0] ?? '',
    readBy: others.filter(({ received }) => received.has(sent.messageId)).map(({ name }) => name),
    reached: others
      .filter(({ arrived, received }) => received.has(sent.messageId) || sent.wireIds.some((id) => arrived.has(id)))
      .map(({ name }) => name),
  }
}

/** Who got what was said with the old keys, and who could read any of it. */
export function tellOfCopy(stage: Stage, said: readonly SentText[]): Outcome['copyMessage'] {
  const readers = stage.actors([...FOUNDERS, NEWCOMER])
  const wireIds = said.flatMap((each) => each.wireIds)
  const reached = stage
    .actors(REMAINING)
    .filter(({ arrived }) => wireIds.some((id) => arrived.has(id)))
    .map(({ name }) => name)
  const readBy = readers.filter(({ received }) => said.some(({ messageId }) => received.has(messageId)))
  const names = readBy.map(({ name }) => name)
  const text = said[0]?.text ?? ''
  stage.tell(
    stage.cast.actor(THIEF),
    `“${text}”  reached ${list(reached)}, read by ${names.length === 0 ? 'nobody' : list(names)}`,
  )
  return { text, reached, readBy: names }
}
