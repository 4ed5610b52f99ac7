/**
 * What the acts of the demonstration are made of: members do something, the others notice, and the screen tells it. All
 * waits have a limit. Knows nothing of the plot.
 */
import { describeChanges, type EpochRecord, shortId } from '../history/history.ts'
import { nameEveryone } from '../history/naming.ts'
import type { EpochReport, GroupState, SentText } from '../member/protocol.ts'
import type { Actor } from './actor.ts'
import { boardLine } from './board.ts'
import { Cast, type Progress } from './cast.ts'
import { agree, haveRead } from './conditions.ts'
import { describeEnd } from './member-process.ts'
import type { MessageOutcome } from './outcome.ts'
import { Partition } from './partition.ts'
import type { Screen } from './screen.ts'

const WAIT_MAX_MS = 40_000

export interface Sent {
  readonly from: string
  readonly phase: MessageOutcome['phase']
  readonly sent: SentText
}

export interface StageOptions {
  readonly program: readonly string[]
  readonly storesFolder: string
  readonly screen: Screen
  readonly stop: AbortSignal
  /** Longest wait for anything. Default 40 s: on an idle machine nothing takes a tenth of it. */
  readonly waitMaxMs?: number
}

export class Stage {
  readonly screen: Screen
  readonly cast: Cast
  readonly partition: Partition
  readonly sent: Sent[] = []
  /** Longest wait for anything. */
  readonly waitMaxMs: number

  constructor({ program, storesFolder, screen, stop, waitMaxMs = WAIT_MAX_MS }: StageOptions) {
    this.screen = screen
    this.waitMaxMs = waitMaxMs
    this.cast = new Cast({
      program,
      storesFolder,
      stop,
      onReady: () => this.partition.refresh(),
      onNewEpoch: (epoch) => this.#tellOfCommit(epoch),
      onRevival: (actor, end) => this.tell(actor, `comes back from its store: ${describeEnd(end)}`),
    })
    this.partition = new Partition(() => this.cast.actors())
  }

  actors(names: readonly string[]): readonly Actor[] {
    return names.map((name) => this.cast.actor(name))
  }

  tell(who: Actor, text: string): void {
    this.screen.tell(who.name, text, this.#sideOf(who.name))
  }

  /** Waits for a condition and shows how far it is. */
  async until(what: string, condition: () => Progress): Promise<void> {
    await this.cast.until(what, condition, {
      timeoutMs: this.waitMaxMs,
      onProgress: ({ done, of }) => this.screen.progress(`  … ${done} of ${of}   ${this.#board()}`),
    })
  }

  /** Lets exactly these sets of members reach each other, and waits until it is so. */
  async connect(sides: readonly (readonly string[])[], what: string): Promise<void> {
    this.partition.set(sides)
    await this.until(what, () => this.partition.progress())
  }

  /** Somebody changes the group; the others on the same side are waited for. */
  async change(
    name: string,
    request: Parameters<Actor['call']>[0],
    { followers, members }: { readonly followers: readonly string[]; readonly members: readonly string[] },
  ): Promise<GroupState> {
    const actor = this.cast.actor(name)
    await this.cast.within(
      `${name} has carried out "${request.do}"`,
      (stop) => actor.insist(request, stop),
      this.waitMaxMs,
    )
    await this.agreement(followers, members)
    const group = actor.state?.group
    return group ?? this.group(name)
  }

  /** Waits until these members stand on one head with exactly these members in it. */
  async agreement(names: readonly string[], members: readonly string[]): Promise<void> {
    const identities = (): readonly string[] => this.actors(members).flatMap(({ identity }) => identity ?? [])
    await this.until(`${list(names)} agree on one head`, () => agree(this.actors(names), identities()))
  }

  /** What a member says of its group now. */
  async group(name: string): Promise<GroupState> {
    const group = await this.cast.within(
      `${name} reports its group`,
      async () => ((await this.cast.actor(name).call({ do: 'state' })) as { group?: GroupState }).group,
      this.waitMaxMs,
    )
    if (group === undefined) throw new Error(`${name} is in no group`)
    return group
  }

  /** Somebody speaks; returns when the given members have read it. */
  async say(name: string, text: string, phase: MessageOutcome['phase'], readers: readonly string[]): Promise<Sent> {
    const sent = await this.speak(name, text, phase)
    await this.heard(sent, readers)
    return sent
  }

  /** Somebody speaks; nobody is waited for. */
  async speak(name: string, text: string, phase: MessageOutcome['phase']): Promise<Sent> {
    const sent = { from: name, phase, sent: await this.utter(name, text) }
    this.sent.push(sent)
    return sent
  }

  /** As {@link speak}, for what is no part of the conversation. */
  async utter(name: string, text: string): Promise<SentText> {
    const actor = this.cast.actor(name)
    const value = await this.cast.within(
      `${name} has spoken`,
      (stop) => actor.insist({ do: 'send', text }, stop),
      this.waitMaxMs,
    )
    return value as SentText
  }

  /** Waits until the given members have read what was said. */
  async heard({ from, sent }: Sent, readers: readonly string[]): Promise<void> {
    const others = this.actors(readers.filter((name) => name !== from))
    await this.until(`“${sent.text}” is read`, () => haveRead(others, sent.messageId))
    this.tell(this.cast.actor(from), `“${sent.text}”  read by ${list(others.map(({ name }) => name))}`)
  }

  #tellOfCommit(epoch: EpochReport): void {
    const named = nameEveryone({ epochs: [epoch], head: '', openHeads: [] }, this.cast.names())
    const record = named.epochs[0] as EpochRecord
    const who = record.committer
    if (record.parent === undefined || who === undefined) return
    const branch = `epoch ${record.epoch} · ${shortId(record.id)}`
    this.screen.tell(who, `commits ${describeChanges(record)}  → ${branch}`, this.#sideOf(who))
  }

  #board(): string {
    return boardLine(this.cast.actors(), (name) => this.partition.sideOf(name), this.screen.style)
  }

  /** -1 while the network is whole. */
  #sideOf(name: string): number {
    return this.partition.sidesCount > 1 ? this.partition.sideOf(name) : -1
  }
}

/** `alice, bob and charlie` */
export function list(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`
}
