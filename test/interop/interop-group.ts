/** A group whose members run different implementations, in one place: what one sends, all others receive. */
import { toHex, utf8 } from '@dmls/crypto'
import type { Extension } from '@dmls/mls'
import type {
  CommitMade,
  CommitRequest,
  EpochView,
  Framing,
  Implementation,
  InteropMember,
  ProposalRequest,
  TreeDelivery,
} from './interop-member.ts'
import { OurMember } from './our-member.ts'
import { PeerMember } from './ts-mls/peer-member.ts'

export const IMPLEMENTATIONS: readonly Implementation[] = ['ours', 'ts-mls']

export function memberOf(implementation: Implementation, name: string, cipherSuite = 1): Promise<InteropMember> {
  return implementation === 'ours' ? OurMember.of(name, { cipherSuite }) : PeerMember.of(name, cipherSuite)
}

/** What members of one epoch do not agree on. */
export class Disagreement extends Error {
  override readonly name = 'Disagreement'
}

export class InteropGroup {
  #members: InteropMember[]

  private constructor(members: readonly InteropMember[]) {
    this.#members = [...members]
  }

  static async create(
    creator: InteropMember,
    options: { readonly groupId?: Uint8Array; readonly extensions?: readonly Extension[] } = {},
  ): Promise<InteropGroup> {
    await creator.create(options.groupId ?? utf8('group'), options.extensions ?? [])
    return new InteropGroup([creator])
  }

  get members(): readonly InteropMember[] {
    return this.#members
  }

  /** `by` adds newcomers in one commit, with the tree inside the Welcome or beside it. */
  async add(by: InteropMember, newcomers: readonly InteropMember[], request: CommitRequest = {}): Promise<void> {
    const keyPackages = await Promise.all(newcomers.map((newcomer) => newcomer.keyPackage()))
    const adds = keyPackages.map((keyPackage) => ({ type: 'add', keyPackage }) as const)
    await this.commit(by, { ...request, proposals: [...(request.proposals ?? []), ...adds] }, newcomers)
  }

  async commit(
    by: InteropMember,
    request: CommitRequest = {},
    newcomers: readonly InteropMember[] = [],
  ): Promise<void> {
    await this.carryOut(by, await by.commit(request), newcomers)
  }

  /** Takes a commit, shows it to everybody else, and lets the newcomers in; those whom it removes are dropped. */
  async carryOut(by: InteropMember, made: CommitMade, newcomers: readonly InteropMember[] = []): Promise<void> {
    made.take()
    const removed = await this.deliver(by, made.commit)
    this.#members = this.#members.filter((member) => !removed.includes(member))
    await this.#welcome(made, newcomers)
    await this.agree()
  }

  async #welcome(made: CommitMade, newcomers: readonly InteropMember[]): Promise<void> {
    const { welcome, ratchetTree, tree } = made
    if (newcomers.length > 0 && welcome === undefined) throw new Disagreement('a commit that adds has no Welcome')
    for (const newcomer of newcomers) {
      await newcomer.join(welcome as Uint8Array, tree === 'separate' ? ratchetTree : undefined)
      this.#members.push(newcomer)
    }
  }

  /** Everybody but the sender receives a handshake message. Returns those whom it removes. */
  async deliver(by: InteropMember, message: Uint8Array): Promise<readonly InteropMember[]> {
    const removed: InteropMember[] = []
    for (const member of this.#members) {
      if (member === by) continue
      const heard = await at(member, () => member.receive(message))
      if (heard.kind === 'removed') removed.push(member)
    }
    return removed
  }

  async propose(by: InteropMember, proposal: ProposalRequest, framing: Framing = 'private'): Promise<void> {
    await this.deliver(by, await by.propose(proposal, framing))
  }

  async proposeUpdate(by: InteropMember, framing: Framing = 'private'): Promise<void> {
    await this.deliver(by, await by.proposeUpdate(framing))
  }

  /** A newcomer joins by an external commit, or a member comes back by one; `host` provides the GroupInfo. */
  async joinExternally(newcomer: InteropMember, host: InteropMember, tree: TreeDelivery = 'included'): Promise<void> {
    const groupInfo = await host.groupInfo({ tree })
    const { ratchetTree } = await host.view()
    const request = tree === 'included' ? { groupInfo } : { groupInfo, ratchetTree }
    await this.deliver(newcomer, await newcomer.joinExternally(request))
    if (!this.#members.includes(newcomer)) this.#members.push(newcomer)
    await this.agree()
  }

  /** Application data from one member to all others, who must read it as it was. */
  async say(by: InteropMember, text: string): Promise<void> {
    const message = await by.send(utf8(text))
    for (const member of this.#members) if (member !== by) await this.hear(member, message, text)
  }

  async hear(member: InteropMember, message: Uint8Array, text: string): Promise<void> {
    const heard = await at(member, () => member.receive(message))
    if (heard.kind !== 'application') throw new Disagreement(`${member.name} took ${text} for a ${heard.kind}`)
    if (toHex(heard.data) !== toHex(utf8(text)))
      throw new Disagreement(`${member.name} read something else than ${text}`)
  }

  /** The whole group moves to one that continues it. */
  static of(members: readonly InteropMember[]): InteropGroup {
    return new InteropGroup(members)
  }

  /** @throws Disagreement unless all members are in one epoch and see the same in it */
  async agree(): Promise<EpochView> {
    const [first, ...others] = this.#members
    if (first === undefined) throw new Error('nobody is left')
    const expected = await first.view()
    for (const other of others) {
      const seen = await other.view()
      for (const [what, value] of entries(expected)) {
        if (seenAs(value) === seenAs(seen[what])) continue
        throw new Disagreement(`${other.name} (${other.implementation}) differs from ${first.name} in ${what}`)
      }
    }
    return expected
  }

  /** Each member says a word to all others: the trees of keys are the same, not only their roots. */
  async everybodySpeaks(): Promise<void> {
    for (const member of this.#members) await this.say(member, `hello from ${member.name}`)
  }
}

function entries(view: EpochView): [keyof EpochView, EpochView[keyof EpochView]][] {
  return Object.entries(view) as [keyof EpochView, EpochView[keyof EpochView]][]
}

function seenAs(value: Uint8Array | bigint): string {
  return typeof value === 'bigint' ? String(value) : toHex(value)
}

/** An error says at whom it happened. */
async function at<T>(member: InteropMember, step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (cause) {
    const reason = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)
    throw new Disagreement(`${member.name} (${member.implementation}) refuses: ${reason}`, { cause })
  }
}
