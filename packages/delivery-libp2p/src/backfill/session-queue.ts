/**
 * Which peer to compare which topic with, and when: at most one session for each pair, so many at once, and a request
 * that comes while its session runs is served by another one after it.
 */
import type { PeerName } from '@dmls/client/ports'

/** A session that is asked for. */
interface Job {
  readonly topic: string
  readonly peer: PeerName
  /** Not before this time. */
  dueMs: number
  readonly waiters: (() => void)[]
}

export interface SessionQueueOptions {
  readonly nowMs: () => number
  readonly sessionsMax: number
  readonly sessionsPerTopicMax: number
  readonly sessionsPerPeerMax: number
  /** Runs one session; never rejects. */
  readonly run: (topic: string, peer: PeerName) => Promise<void>
}

export class SessionQueue {
  readonly #options: SessionQueueOptions
  readonly #waiting = new Map<string, Job>()
  readonly #running = new Map<string, Job>()
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(options: SessionQueueOptions) {
    this.#options = options
  }

  /** Asks for a session, at the earliest after `delayMs`; resolves when it has run, or never will. */
  request(topic: string, peer: PeerName, delayMs: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    const key = `${peer} ${topic}`
    const dueMs = this.#options.nowMs() + delayMs
    const job = this.#waiting.get(key) ?? { topic, peer, dueMs, waiters: [] }
    job.dueMs = Math.min(job.dueMs, dueMs)
    this.#waiting.set(key, job)
    const done = new Promise<void>((resolve) => job.waiters.push(resolve))
    this.#pump()
    return done
  }

  /** Drops what waits for a topic or a peer. */
  drop(matches: (topic: string, peer: PeerName) => boolean): void {
    for (const [key, job] of this.#waiting) {
      if (!matches(job.topic, job.peer)) continue
      this.#waiting.delete(key)
      finish(job)
    }
  }

  close(): void {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.drop(() => true)
  }

  #pump(): void {
    clearTimeout(this.#timer)
    if (this.#isClosed) return
    const nowMs = this.#options.nowMs()
    let nextMs = Number.POSITIVE_INFINITY
    for (const [key, job] of this.#waiting) {
      if (this.#running.size >= this.#options.sessionsMax) return
      if (job.dueMs > nowMs) nextMs = Math.min(nextMs, job.dueMs)
      else if (!this.#running.has(key) && this.#hasRoomFor(job)) this.#start(key, job)
    }
    if (nextMs < Number.POSITIVE_INFINITY) {
      this.#timer = setTimeout(() => this.#pump(), nextMs - nowMs)
      this.#timer.unref()
    }
  }

  #hasRoomFor({ topic, peer }: Job): boolean {
    let [forTopic, forPeer] = [0, 0]
    for (const job of this.#running.values()) {
      if (job.topic === topic) forTopic++
      if (job.peer === peer) forPeer++
    }
    return forTopic < this.#options.sessionsPerTopicMax && forPeer < this.#options.sessionsPerPeerMax
  }

  #start(key: string, job: Job): void {
    this.#waiting.delete(key)
    this.#running.set(key, job)
    void this.#options.run(job.topic, job.peer).finally(() => {
      this.#running.delete(key)
      finish(job)
      this.#pump()
    })
  }
}

function finish(job: Job): void {
  for (const resolve of job.waiters) resolve()
}
