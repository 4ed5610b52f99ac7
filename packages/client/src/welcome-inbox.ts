/**
 * Our inbox: Welcomes that others sent us. One that cannot be used yet (no handover says so, protocol §7.6) stays in
 * the log and is tried again when something changed; of one that was used, or is of no use, only the name is kept.
 */
import { equalBytes, fromHex, toHex } from '@dmls/crypto'
import { dmlsEpoch, type Invitation, instanceId, mlsServices } from '@dmls/dmls'
import { decodeMlsMessage, type Joined, joinGroup, MlsError, wipeGroupState } from '@dmls/mls'
import { authenticateWith, type ClientContext } from './context.ts'
import type { Pending } from './group/message-ledger.ts'
import type { KeyPackages, OwnKeyPackage } from './key-packages.ts'
import { StoreError, type Verdict } from './ports.ts'
import { SerialQueue } from './serial-queue.ts'
import { SettledWelcomes } from './settled-welcomes.ts'
import { TopicLog } from './topic-log.ts'
import { inboxTopic } from './topic-names.ts'

interface Destination {
  readonly groupId: Uint8Array
  readonly invitation: Invitation
}

function isInto(into: Destination | undefined, groupId: Uint8Array): into is Destination {
  return into !== undefined && equalBytes(into.groupId, groupId)
}

/**
 * What a Welcome leads to; the use of the key package is written in the batch that makes us a member. The state is the
 * callee's: one that is not kept is overwritten there.
 */
export type UseWelcome = (joined: Joined, own: OwnKeyPackage, use: Pending) => Promise<void>

export class WelcomeInbox {
  readonly #context: ClientContext
  readonly #keyPackages: KeyPackages
  readonly #log: TopicLog
  readonly #settled: SettledWelcomes
  readonly #use: UseWelcome
  readonly #queue = new SerialQueue()
  /** Identifiers of Welcomes that wait for a handover, with what each leads into, once that is known. */
  readonly #waiting = new Map<string, Destination | undefined>()
  #leave: (() => Promise<void>) | undefined

  private constructor(
    context: ClientContext,
    keyPackages: KeyPackages,
    log: TopicLog,
    settled: SettledWelcomes,
    use: UseWelcome,
  ) {
    this.#context = context
    this.#keyPackages = keyPackages
    this.#log = log
    this.#settled = settled
    this.#use = use
  }

  static async open(context: ClientContext, keyPackages: KeyPackages, use: UseWelcome): Promise<WelcomeInbox> {
    const topic = inboxTopic(context.digest, context.identity.publicKey)
    const log = await TopicLog.open(context.store, topic, context.digest)
    const settled = await SettledWelcomes.open(context.store, context.limits.refusedMax)
    const inbox = new WelcomeInbox(context, keyPackages, log, settled, use)
    for (const id of log.ids()) inbox.#waiting.set(id, undefined)
    await inbox.retry()
    inbox.#leave = await context.delivery.subscribe(topic, {
      receive: (message) => inbox.#queue.run(() => inbox.#receive(message)).catch(ignoreDisk),
      held: async function* () {
        for (const id of log.ids()) yield fromHex(id)
        for (const id of settled.ids()) yield fromHex(id)
      },
      load: (id) => log.load(toHex(id)),
    })
    return inbox
  }

  async #receive(bytes: Uint8Array): Promise<Verdict> {
    const id = this.#log.id(bytes)
    if (this.#log.has(id) || this.#settled.has(id)) return 'ignore'
    const { messageSizeMax, welcomesMax } = this.#context.limits
    if (bytes.length > messageSizeMax) return 'reject'
    try {
      if (decodeMlsMessage(bytes).wireFormat !== 'mls_welcome') return 'reject'
    } catch {
      return 'reject'
    }
    if (this.#log.size >= welcomesMax) return 'ignore'
    const entry = this.#log.append(bytes)
    await this.#context.store.write(entry.operations)
    entry.written()
    this.#waiting.set(id, undefined)
    await this.#try(id)
    return 'accept'
  }

  /** Tries the Welcomes that wait. */
  retry(): Promise<void> {
    return this.#queue.run(async () => {
      for (const id of [...this.#waiting.keys()]) await this.#try(id)
    })
  }

  async #try(id: string): Promise<void> {
    if (this.#isOver()) return
    const bytes = await this.#log.load(id)
    if (bytes === undefined) return
    try {
      const message = decodeMlsMessage(bytes)
      if (message.wireFormat !== 'mls_welcome') return
      const joined = await joinGroup(
        {
          profile: this.#context.profile,
          suite: this.#context.suite,
          welcome: message.welcome,
          keyPackages: this.#keyPackages.all().map((own) => own.bundle),
        },
        mlsServices({
          random: this.#context.random,
          nowMs: this.#context.clock.nowMs(),
          authenticate: authenticateWith(this.#context.authenticator),
          ...this.#context.joining,
        }),
      )
      const own = this.#keyPackages.find(joined.keyPackageRef)
      if (own === undefined) {
        wipeGroupState(joined.state)
        return
      }
      const { groupId } = joined.state.context
      const epoch = dmlsEpoch(joined.state.epochId)
      const use = this.#keyPackages.use(own, groupId, epoch)
      const instance = instanceId(joined.keyPackageRef)
      if (this.#waiting.has(id)) this.#waiting.set(id, { groupId, invitation: { instance, epoch } })
      await this.#use(joined, own, use)
      await this.#settle(id)
    } catch (error) {
      // whoever ended the join did not judge the Welcome
      if (this.#isOver()) return
      // anybody can send us anything: what is bad must not take the room of the others
      if (!mayWorkLater(error)) await this.#settle(id)
    }
  }

  /** Whether no join is to go on. */
  #isOver(): boolean {
    return this.#context.joining.signal?.aborted === true
  }

  /** A Welcome that led into a group, or nowhere, is not verified again at every start. */
  async #settle(id: string): Promise<void> {
    this.#waiting.delete(id)
    const settled = this.#settlement([id])
    await this.#context.store.write(settled.operations)
    settled.written()
  }

  #settlement(ids: readonly string[]): Pending {
    const pending = [this.#log.remove(ids), ...ids.map((id) => this.#settled.add(id))]
    return {
      operations: pending.flatMap(({ operations }) => operations),
      written: () => {
        for (const { written } of pending) written()
      },
    }
  }

  /** Those that wait for something in a group, the latest last. */
  invitationsTo(groupId: Uint8Array): readonly Invitation[] {
    return [...this.#waiting.values()].flatMap((into) => (isInto(into, groupId) ? [into.invitation] : []))
  }

  /** What to write so that Welcomes that wait for something in this group are settled, and what to call after that. */
  letGo(groupId: Uint8Array): Pending {
    const ids = [...this.#waiting].flatMap(([id, into]) => (isInto(into, groupId) ? [id] : []))
    const { operations, written } = this.#settlement(ids)
    return {
      operations,
      written: () => {
        for (const id of ids) this.#waiting.delete(id)
        written()
      },
    }
  }

  async close(): Promise<void> {
    await this.#leave?.()
    await this.#queue.idle()
  }
}

/**
 * Whoever judges a fork itself follows no Welcome, nor does whoever asked to be brought back while its side is the one
 * that stays, or after a handover led it elsewhere. Each may learn later that it is out, and then this is the way back.
 */
const STAYS: ReadonlySet<string> = new Set(['can_judge', 'our_side_stays', 'no_descent'])

/** What a Welcome may lack that can still come: a handover, the end of its group here, the rule of the application. */
const LACKS: ReadonlySet<string> = new Set(['no_handover', 'group_ending', 'no_admin_rule'])

/**
 * A Welcome that is bad, or not for us, is not tried again: a key package was ours before anybody could use it, and what
 * else is missing its maker has left out.
 */
function mayWorkLater(error: unknown): boolean {
  if (error instanceof MlsError) return LACKS.has(error.code) || STAYS.has(error.code)
  return error instanceof StoreError
}

/** Nothing was written, so nothing happened: whoever serves the Welcome can bring it again. */
function ignoreDisk(error: unknown): Verdict {
  if (error instanceof StoreError) return 'ignore'
  throw error
}
