/** The answering side of a backfill session: answers what it is asked, within bounds, and remembers nothing. */
import type { TopicHandler } from '@dmls/client/ports'
import { equalBytes } from '@dmls/crypto'
import type { Limits } from '../limits.ts'
import type { FrameStream } from './frame-stream.ts'
import { LIST_MAX, type RangeAnswer, type RangeQuestion } from './frames.ts'
import { ID_SIZE, type IdSnapshot } from './id-snapshot.ts'
import { PeerFault } from './peer-fault.ts'

/** An honest session hashes the set once for each level, of which there are few. */
const HASHED_SETS_MAX = 16
/** And what small questions cost beside that. */
const HASHED_BYTES_FREE = 2 ** 20

/** Answers until the peer says `bye`. @throws PeerFault, PeerSilent, StreamCut */
export async function serve(
  stream: FrameStream,
  held: IdSnapshot,
  handler: Pick<TopicHandler, 'load'>,
  limits: Limits,
): Promise<void> {
  let hashedBytes = 0
  let messages = 0
  for (let requests = 0; requests < 2 * limits.requestsMax; requests++) {
    const frame = await stream.next()
    switch (frame.type) {
      case 'compare': {
        const answers: RangeAnswer[] = []
        for (const range of frame.ranges) {
          const before = held.hashedBytes
          answers.push(answer(held, range))
          hashedBytes += held.hashedBytes - before
          if (hashedBytes > HASHED_BYTES_FREE + HASHED_SETS_MAX * ID_SIZE * held.size) {
            throw new PeerFault('it asks the same again and again')
          }
        }
        await stream.send({ type: 'answers', answers })
        break
      }
      case 'want':
        messages += frame.ids.length
        if (messages > 2 * held.size + 1024) throw new PeerFault('it wants the same again and again')
        for (const id of frame.ids) {
          const message = await handler.load(id)
          if (message !== undefined && message.length <= limits.messageBytesMax) {
            await stream.send({ type: 'message', message })
          }
        }
        await stream.send({ type: 'done' })
        break
      case 'bye':
        return
      default:
        throw new PeerFault('no question')
    }
  }
  throw new PeerFault('too many questions')
}

function answer(held: IdSnapshot, { prefix, mine }: RangeQuestion): RangeAnswer {
  const [from, to] = held.range(prefix)
  if (to - from === mine.count && equalBytes(held.summarize(prefix).fingerprint, mine.fingerprint)) {
    return { kind: 'same' }
  }
  if (to - from <= LIST_MAX) return { kind: 'list', ids: held.list(prefix) }
  return { kind: 'split', parts: Array.from({ length: 16 }, (_, nibble) => held.summarize([...prefix, nibble])) }
}
