/**
 * What the walk knows about its group besides what the members know: proposals that wait, messages on their way, keys
 * that everybody has. The rules here keep the walk within what is valid, and clear of the peer's known faults
 * (`peer-faults.test.ts`); everything else is up to chance.
 */
import { utf8 } from '@dmls/crypto'
import type { Extension } from '@dmls/mls'
import { EXTENSION_TYPES } from '../common.ts'
import { InteropGroup, memberOf } from '../interop-group.ts'
import type {
  CommitMade,
  CommitRequest,
  Framing,
  Implementation,
  InteropMember,
  ProposalRequest,
  PskName,
  TreeDelivery,
} from '../interop-member.ts'
import { peerMiscountsPath, peerRefusesToJoin } from '../ts-mls/peer-limits.ts'
import { Random } from './random.ts'

export interface WalkOptions {
  readonly seed: number
  readonly operations: number
  readonly membersMax: number
  readonly cipherSuite: number
  /** Trees with which the peer is known to go wrong: the walk keeps clear of them, or it does not. Default: `avoid`. */
  readonly peerLimits?: 'avoid' | 'meet'
}

/** A proposal that everybody has heard and nobody has committed. */
export type Waiting =
  | { readonly type: 'add'; readonly newcomer: InteropMember }
  | { readonly type: 'update' | 'remove'; readonly member: InteropMember }
  | { readonly type: 'psk' | 'extensions' }

/** An application message on its way to one member. */
interface Letter {
  readonly to: InteropMember
  readonly message: Uint8Array
  readonly text: string
  /** The operation before which it arrives. */
  readonly due: number
}

/** Of each implementation, whatever is removed. */
const LEFT_MIN = 2
/** Operations that a message may be late: both sides keep the keys of four past epochs. */
const DELAY_MAX = 3

export class Scene {
  readonly random: Random
  readonly options: WalkOptions
  readonly trace: string[] = []
  group: InteropGroup
  groupId: Uint8Array
  operation = 0
  epochs = 0
  messages = 0
  sizeMax = 0
  /** How often a step was not taken since the peer would have gone wrong. */
  avoided = 0
  waiting: Waiting[] = []
  #letters: Letter[] = []
  #psks: { readonly psk: PskName; readonly secret: Uint8Array }[] = []
  /** The epoch in which each member's current state began. */
  #since = new Map<InteropMember, bigint>()
  #people = 0

  private constructor(options: WalkOptions, random: Random, group: InteropGroup) {
    this.options = options
    this.random = random
    this.group = group
    this.groupId = utf8('walk')
  }

  /** Two members of each implementation; which one creates the group is up to the seed. */
  static async begin(options: WalkOptions): Promise<Scene> {
    const random = new Random(options.seed)
    const creators: readonly Implementation[] = random.chance(0.5) ? ['ours', 'ts-mls'] : ['ts-mls', 'ours']
    const creator = await memberOf(creators[0] as Implementation, 'member 0', options.cipherSuite)
    const group = await InteropGroup.create(creator, { groupId: utf8('walk') })
    const scene = new Scene(options, random, group)
    scene.#people = 1
    const newcomers: InteropMember[] = []
    for (const each of [...creators, creators[1] as Implementation]) newcomers.push(await scene.newcomer(each))
    await group.add(creator, newcomers)
    await scene.#settle()
    return scene
  }

  get members(): readonly InteropMember[] {
    return this.group.members
  }

  async newcomer(implementation?: Implementation): Promise<InteropMember> {
    const chosen = implementation ?? (this.random.chance(0.5) ? 'ours' : 'ts-mls')
    const member = await memberOf(chosen, `member ${this.#people}`, this.options.cipherSuite)
    this.#people += 1
    this.teach(member)
    return member
  }

  /** Tells a member every pre-shared key that the others have. */
  teach(member: InteropMember): void {
    for (const { psk, secret } of this.#psks) member.learnPsk(psk, secret)
  }

  get room(): number {
    const expected = this.waiting.filter(({ type }) => type === 'add').length
    return this.options.membersMax - this.members.length - expected
  }

  framing(): Framing {
    return this.random.chance(0.5) ? 'public' : 'private'
  }

  delivery(): TreeDelivery {
    return this.random.chance(0.7) ? 'included' : 'separate'
  }

  note(line: string): void {
    this.trace.push(`${this.operation}. ${line}`)
  }

  isWaiting(type: Waiting['type'], member?: InteropMember): boolean {
    return this.waiting.some(
      (each) => each.type === type && (member === undefined || ('member' in each && each.member === member)),
    )
  }

  /** Who can commit all that waits. The peer commits every proposal it has heard, its own Update not excepted. */
  committers(): readonly InteropMember[] {
    return this.members.filter((member) => {
      if (this.isWaiting('remove', member)) return false
      return member.implementation === 'ours' || !(this.isWaiting('update', member) || this.isWaiting('extensions'))
    })
  }

  /** Who can be removed by `by` beside all that waits. */
  removable(by: InteropMember): readonly InteropMember[] {
    const leaving = this.waiting.flatMap((each) => (each.type === 'remove' ? [each.member] : []))
    const staying = this.members.filter((member) => !leaving.includes(member))
    const countOf = (implementation: Implementation) =>
      staying.filter((member) => member.implementation === implementation).length
    return staying.filter(
      (member) => member !== by && countOf(member.implementation) > LEFT_MIN && !this.isWaiting('update', member),
    )
  }

  /** Commits all that waits and these proposals. False if the peer would go wrong with the outcome. */
  async commit(
    by: InteropMember,
    proposals: readonly ProposalRequest[],
    newcomers: readonly InteropMember[] = [],
  ): Promise<boolean> {
    const made = await by.commit(this.#request(proposals))
    return this.take(by, made, newcomers)
  }

  async take(by: InteropMember, made: CommitMade, newcomers: readonly InteropMember[] = []): Promise<boolean> {
    const expected = this.waiting.flatMap((each) => (each.type === 'add' ? [each.newcomer] : []))
    const joining = [...expected, ...newcomers]
    if (this.#isBeyondPeer(made.ratchetTree, joining)) {
      made.drop()
      this.avoided += 1
      return false
    }
    for (const each of joining) this.#startOver(each)
    await this.group.carryOut(by, made, joining)
    await this.#settle()
    return true
  }

  #request(proposals: readonly ProposalRequest[]): CommitRequest {
    return { proposals, framing: this.framing(), tree: this.delivery() }
  }

  #isBeyondPeer(ratchetTree: Uint8Array, joining: readonly InteropMember[]): boolean {
    const { cipherSuite, peerLimits } = this.options
    if (peerLimits === 'meet') return false
    const peerJoins = joining.some((member) => member.implementation === 'ts-mls')
    return peerMiscountsPath(cipherSuite, ratchetTree) || (peerJoins && peerRefusesToJoin(cipherSuite, ratchetTree))
  }

  /** A newcomer or a member who comes back, by an external commit; nothing that waits survives it. */
  async joinExternally(joiner: InteropMember, host: InteropMember): Promise<boolean> {
    const { ratchetTree } = await host.view()
    if (this.#isBeyondPeer(ratchetTree, [joiner])) {
      this.avoided += 1
      return false
    }
    this.#startOver(joiner)
    await this.group.joinExternally(joiner, host, this.delivery())
    await this.#settle()
    return true
  }

  /** Who joins anew has no keys of earlier epochs. */
  #startOver(member: InteropMember): void {
    this.#since.delete(member)
    this.#letters = this.#letters.filter((letter) => letter.to !== member)
  }

  /** A new epoch has begun, and all members agree on it. */
  async #settle(): Promise<void> {
    const { epoch } = await this.group.agree()
    this.waiting = []
    this.epochs += 1
    this.sizeMax = Math.max(this.sizeMax, this.members.length)
    for (const member of this.members) if (!this.#since.has(member)) this.#since.set(member, epoch)
    for (const member of this.#since.keys()) if (!this.members.includes(member)) this.#since.delete(member)
    this.#letters = this.#letters.filter((letter) => this.members.includes(letter.to))
  }

  /** The group continues as another one, with other member objects. */
  async moveTo(group: InteropGroup, groupId: Uint8Array): Promise<void> {
    this.group = group
    this.groupId = groupId
    this.#since = new Map()
    this.#letters = []
    for (const member of group.members) this.teach(member)
    await this.#settle()
  }

  /** An external key that everybody learns, or one whose epoch all members have seen. */
  async psk(kind: 'external' | 'resumption'): Promise<PskName> {
    if (kind === 'resumption') {
      const { epoch } = await this.group.agree()
      const seenByAll = [...this.#since.values()].reduce((a, b) => (a > b ? a : b), 0n)
      const back = BigInt(this.random.below(DELAY_MAX))
      return { pskType: 'resumption', groupId: this.groupId, epoch: epoch - back < seenByAll ? epoch : epoch - back }
    }
    if (this.#psks.length > 0 && this.random.chance(0.5)) return this.random.pick(this.#psks).psk
    const name = `key ${this.#psks.length}`
    const known = { psk: { pskType: 'external', pskId: utf8(name) } as const, secret: utf8(`secret of ${name}`) }
    this.#psks.push(known)
    for (const member of this.members) member.learnPsk(known.psk, known.secret)
    for (const each of this.waiting) if (each.type === 'add') each.newcomer.learnPsk(known.psk, known.secret)
    return known.psk
  }

  /** Never none: the peer does not empty the list. */
  extensions(): readonly Extension[] {
    const count = 1 + this.random.below(EXTENSION_TYPES.length)
    return this.random.some(EXTENSION_TYPES, count).map((extensionType) => ({
      extensionType,
      extensionData: utf8(`chosen at ${this.operation}`),
    }))
  }

  /** Sends to everybody else; some copies are held back, so that they arrive late and out of order. */
  async send(by: InteropMember): Promise<void> {
    this.messages += 1
    const text = `message ${this.messages}`
    const message = await by.send(utf8(text))
    for (const to of this.members) {
      if (to === by) continue
      const due = this.random.chance(0.3) ? this.operation + 1 + this.random.below(DELAY_MAX) : this.operation
      this.#letters.push({ to, message, text, due })
    }
  }

  /** Delivers what is due, in random order. */
  async deliver(): Promise<void> {
    const due = this.#letters.filter((letter) => letter.due <= this.operation)
    this.#letters = this.#letters.filter((letter) => letter.due > this.operation)
    for (const { to, message, text } of this.random.some(due, due.length)) await this.group.hear(to, message, text)
  }
}
