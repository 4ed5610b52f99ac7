/**
 * One member of the demonstration with its process behind it. A process that dies unexpectedly is started again from
 * its store, and requests that it did not answer are made again: they are made so that this does no harm.
 */
import { join } from 'node:path'
import type { EpochReport, MemberRequest, MemberState, ReceivedText } from '../member/protocol.ts'
import { describeEnd, MemberDied, MemberProcess, type ProcessEnd, RequestFailed } from './member-process.ts'

/** A process that gives up this often in a row before it is ready will not get better. */
const FAILED_STARTS_MAX = 3
const CLOSE_GRACE_MS = 3_000
const RETRY_DELAY_MS = 150
const NOTICES_MAX = 6

export interface ActorOptions {
  readonly name: string
  /** What Node is started with to run a member; its own arguments follow. */
  readonly program: readonly string[]
  /** Where the stores of all members are. */
  readonly storesFolder: string
  readonly isDeaf?: boolean
  readonly onChange: () => void
  readonly onReady: (actor: Actor) => void
  readonly onEpoch: (epoch: EpochReport) => void
  readonly onRevival: (actor: Actor, end: ProcessEnd) => void
  readonly onHopeless: (error: Error) => void
}

export class Actor {
  readonly name: string
  readonly folder: string
  /** Everything that this member could read, by message. */
  readonly received: Map<string, ReceivedText> = new Map()
  /** Everything that reached this member, readable or not, by the hash of its bytes. */
  readonly arrived: Set<string> = new Set()
  readonly notices: string[] = []
  /** How often it was started. */
  starts = 0
  /** Who it is; undefined before it was ready for the first time. */
  identity: string | undefined
  readonly #options: ActorOptions
  #process: MemberProcess | undefined
  #state: MemberState | undefined
  #isWanted = false
  #failedStarts = 0
  #whenReady = Promise.withResolvers<MemberProcess>()

  constructor(options: ActorOptions) {
    this.name = options.name
    this.folder = join(options.storesFolder, options.name)
    this.#options = options
    // Nobody may be waiting when it is rejected.
    this.#whenReady.promise.catch(() => undefined)
  }

  /** What the process reported last; undefined while it is down. */
  get state(): MemberState | undefined {
    return this.#state
  }

  get pid(): number | undefined {
    return this.#process?.pid
  }

  /** Starts the process and resolves when it is ready. */
  async start(): Promise<void> {
    this.#isWanted = true
    if (this.#process === undefined) this.#spawn()
    await this.#whenReady.promise
  }

  /** SIGKILL. The process is started again at once. */
  async kill(): Promise<void> {
    await this.#process?.kill()
  }

  /** SIGKILL. The process stays down until {@link start}. */
  async killForNow(): Promise<void> {
    this.#isWanted = false
    await this.#process?.kill()
  }

  /** Asks the process to end. It stays down until {@link start}. */
  async stop(): Promise<void> {
    this.#isWanted = false
    await this.#process?.close(CLOSE_GRACE_MS)
  }

  /**
   * Has a request carried out, whatever happens to the process meanwhile.
   * @throws RequestFailed if the member refuses
   */
  async call(request: MemberRequest): Promise<unknown> {
    while (true) {
      const member = await this.#whenReady.promise
      try {
        return await member.request(request)
      } catch (error) {
        if (!(error instanceof MemberDied)) throw error
      }
    }
  }

  /** Has a request carried out by the process that is running now, or not at all. @throws RequestFailed, MemberDied */
  async tell(request: MemberRequest): Promise<unknown> {
    if (this.#process === undefined || this.#state === undefined) throw new MemberDied('the process is not running')
    return this.#process.request(request)
  }

  /** As {@link call}, and again when the member refuses: what is missing may come. Gives up when told to stop. */
  async insist(request: MemberRequest, stop: AbortSignal): Promise<unknown> {
    while (true) {
      try {
        return await this.call(request)
      } catch (error) {
        if (!(error instanceof RequestFailed) || stop.aborted) throw error
        this.#notice(`${request.do} was refused: ${error.message}`)
        await new Promise((resolve) => setTimeout(resolve, RETRY_DELAY_MS))
      }
    }
  }

  #spawn(): void {
    this.starts++
    const { program, isDeaf = false } = this.#options
    const member = new MemberProcess([...program, '--store', this.folder, '--shut', ...(isDeaf ? ['--deaf'] : [])], {
      onReport: (report) => {
        switch (report.type) {
          case 'ready':
            this.#failedStarts = 0
            this.identity = report.state.identity
            this.#state = report.state
            this.#whenReady.resolve(member)
            this.#options.onReady(this)
            break
          case 'state':
            this.#state = report.state
            break
          case 'received':
            this.received.set(report.message.messageId, report.message)
            break
          case 'arrived':
            this.arrived.add(report.wireId)
            break
          case 'epochAdded':
            this.#options.onEpoch(report.epoch)
            break
          case 'notice':
            this.#notice(report.text)
            return
        }
        this.#options.onChange()
      },
      onEnd: (end) => this.#onEnd(end),
    })
    this.#process = member
  }

  #onEnd(end: ProcessEnd): void {
    const wasReady = this.#state !== undefined
    this.#process = undefined
    this.#state = undefined
    if (wasReady) this.#whenReady = Promise.withResolvers()
    this.#whenReady.promise.catch(() => undefined)
    // Being killed during the start is no fault of the member; the waits of the demonstration have limits of their own.
    if (end.signal === null && !wasReady) this.#failedStarts++
    if (!this.#isWanted) {
      this.#options.onChange()
      return
    }
    if (this.#failedStarts >= FAILED_STARTS_MAX) {
      const error = new Error(`${this.name} does not start: ${end.lastWords.join(' | ') || describeEnd(end)}`)
      this.#whenReady.reject(error)
      this.#options.onHopeless(error)
      return
    }
    this.#spawn()
    this.#options.onRevival(this, end)
    this.#options.onChange()
  }

  #notice(text: string): void {
    this.notices.push(text)
    if (this.notices.length > NOTICES_MAX) this.notices.shift()
  }
}
