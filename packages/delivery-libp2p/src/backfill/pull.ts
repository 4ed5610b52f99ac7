/**
 * The asking side of a backfill session: finds out what the peer holds and we lack, then fetches it in the peer's order,
 * oldest first, handing over each message as it comes. The peer may lie about everything: what it claims is bounded and
 * must not contradict itself, what it sends must have been asked for, and what it promised it must have.
 */

import type { Verdict } from '@dmls/client/ports'
import { equalBytes, toHex } from '@dmls/crypto'
import type { Limits } from '../limits.ts'
import { sha256 } from '../sha256.ts'
import type { FrameStream } from './frame-stream.ts'
import { LIST_MAX, type ListedId, RANGES_MAX, type RangeAnswer, type Summary, WANT_MAX } from './frames.ts'
import { type IdSnapshot, type Prefix, startsWith } from './id-snapshot.ts'
import { PeerFault } from './peer-fault.ts'

/** Hashes spread: more than LIST_MAX identifiers with that many equal nibbles do not happen. */
const DEPTH_MAX = 16
/** This many wants in a row without a single message, and the peer has none. */
const EMPTY_MAX = 3
/** This many messages that every honest peer would refuse, and the session is over. */
const REJECTED_MAX = 3

/** What a session needs of the one that runs it. */
export interface PullTask {
  readonly topic: string
  /** What we hold or need not fetch. */
  readonly mine: IdSnapshot
  readonly limits: Limits
  /** Whether to ask for a message now; false if it came meanwhile or another session is asking. */
  claim(id: Uint8Array): boolean
  /** A claimed message did not come. */
  release(id: Uint8Array): void
  deliver(message: Uint8Array, id: Uint8Array): Promise<Verdict>
  /** Called now and then: how many of the missing messages have come. */
  progress(received: number, missing: number): void
}

export interface PullResult {
  /** Messages that came, and those among them that were accepted. */
  readonly received: number
  readonly accepted: number
  /** False if there is more, or other sessions were asking for some of it. */
  readonly isComplete: boolean
}

/** @throws PeerFault, PeerSilent, StreamCut */
export async function pull(stream: FrameStream, task: PullTask): Promise<PullResult> {
  await stream.send({ type: 'open', topic: task.topic })
  const found = await findMissing(stream, task)
  if (found === undefined) return { received: 0, accepted: 0, isComplete: true }
  const fetched = await fetchMissing(stream, task, found.missing)
  await stream.send({ type: 'bye' })
  return { ...fetched, isComplete: found.isComplete && fetched.isComplete }
}

interface OpenRange {
  readonly prefix: Prefix
  readonly mine: Summary
  /** What the peer said of this range before. */
  readonly theirs: Summary | undefined
}

/** Undefined if the peer does not serve the topic. */
async function findMissing(
  stream: FrameStream,
  { mine, limits }: PullTask,
): Promise<{ missing: readonly Uint8Array[]; isComplete: boolean } | undefined> {
  const open: OpenRange[] = [{ prefix: [], mine: mine.summarize([]), theirs: undefined }]
  const missing: ListedId[] = []
  for (let requests = 0; open.length > 0; requests++) {
    if (requests === limits.requestsMax || missing.length >= limits.missingMax) break
    const asked = open.splice(0, RANGES_MAX)
    await stream.send({ type: 'compare', ranges: asked })
    const frame = await stream.next()
    if (frame.type === 'refuse' && requests === 0) return undefined
    if (frame.type !== 'answers' || frame.answers.length !== asked.length) throw new PeerFault('no answer')
    for (const [i, answer] of frame.answers.entries()) {
      const range = asked[i] as OpenRange
      switch (answer.kind) {
        case 'same':
          if (range.theirs !== undefined) throw new PeerFault('a range is said to differ and to be the same')
          break
        case 'list':
          checkList(range, answer.ids)
          for (const listed of answer.ids) if (!mine.has(listed.id)) missing.push(listed)
          break
        case 'split':
          checkSplit(range, answer, limits)
          open.push(...differingParts(range.prefix, answer.parts, mine))
      }
    }
  }
  const isComplete = open.length === 0 && missing.length <= limits.missingMax
  const oldestFirst = missing.sort((a, b) => a.position - b.position).slice(0, limits.missingMax)
  return { missing: oldestFirst.map(({ id }) => id), isComplete }
}

function differingParts(prefix: Prefix, parts: readonly Summary[], mine: IdSnapshot): readonly OpenRange[] {
  return parts.flatMap((theirs, nibble) => {
    if (theirs.count === 0) return []
    const range: OpenRange = { prefix: [...prefix, nibble], mine: mine.summarize([...prefix, nibble]), theirs }
    return isSame(range.mine, theirs) ? [] : [range]
  })
}

function checkList({ prefix, theirs }: OpenRange, ids: readonly ListedId[]): void {
  if (theirs !== undefined && theirs.count !== ids.length)
    throw new PeerFault('a list of another length than announced')
  for (const [i, { id }] of ids.entries()) {
    if (!startsWith(id, prefix)) throw new PeerFault('a list with identifiers of another range')
    const before = ids[i - 1]?.id
    if (before !== undefined && toHex(before) >= toHex(id)) throw new PeerFault('a list that does not ascend')
  }
}

function checkSplit(
  { prefix, theirs }: OpenRange,
  { parts }: Extract<RangeAnswer, { kind: 'split' }>,
  limits: Limits,
): void {
  const count = parts.reduce((sum, part) => sum + part.count, 0)
  if (theirs !== undefined && theirs.count !== count) throw new PeerFault('parts that do not add up')
  if (count <= LIST_MAX || count > limits.idsMax) throw new PeerFault('a split of too few or too many')
  if (prefix.length >= DEPTH_MAX) throw new PeerFault('too many identifiers that are almost equal')
}

function isSame(a: Summary, b: Summary): boolean {
  return a.count === b.count && equalBytes(a.fingerprint, b.fingerprint)
}

/** Asks for messages a few at a time, with one question always ahead of the answers. */
async function fetchMissing(stream: FrameStream, task: PullTask, missing: readonly Uint8Array[]): Promise<PullResult> {
  const ahead: Map<string, Uint8Array>[] = []
  const tally = { asked: 0, received: 0, accepted: 0, rejected: 0, empty: 0, passed: 0 }
  let next = 0
  const ask = async (): Promise<void> => {
    const wanted = new Map<string, Uint8Array>()
    for (; next < missing.length && wanted.size < WANT_MAX; next++) {
      const id = missing[next] as Uint8Array
      if (task.claim(id)) wanted.set(toHex(id), id)
      else tally.passed++
    }
    if (wanted.size === 0) return
    ahead.push(wanted)
    tally.asked += wanted.size
    await stream.send({ type: 'want', ids: [...wanted.values()] })
  }
  try {
    await ask()
    while (ahead.length > 0) {
      await ask()
      const wanted = ahead[0] as Map<string, Uint8Array>
      const before = tally.received
      await receiveWanted(stream, task, wanted, tally)
      task.progress(tally.received, missing.length)
      for (const id of wanted.values()) task.release(id)
      ahead.shift()
      tally.empty = tally.received > before ? 0 : tally.empty + 1
      if (tally.empty === EMPTY_MAX) throw new PeerFault('it announced messages that it does not have')
    }
  } finally {
    for (const wanted of ahead) for (const id of wanted.values()) task.release(id)
  }
  return { received: tally.received, accepted: tally.accepted, isComplete: tally.passed === 0 }
}

/** Takes what answers one `want` out of `wanted`. */
async function receiveWanted(
  stream: FrameStream,
  task: PullTask,
  wanted: Map<string, Uint8Array>,
  tally: { received: number; accepted: number; rejected: number },
): Promise<void> {
  while (true) {
    const frame = await stream.next(task.limits.messageBytesMax)
    if (frame.type === 'done') return
    if (frame.type !== 'message') throw new PeerFault('no message')
    const id = sha256(frame.message)
    if (!wanted.delete(toHex(id))) throw new PeerFault('a message that was not asked for')
    tally.received++
    const verdict = await task.deliver(frame.message, id)
    if (verdict === 'accept') tally.accepted++
    if (verdict === 'reject' && ++tally.rejected === REJECTED_MAX) throw new PeerFault('messages that nobody accepts')
  }
}
