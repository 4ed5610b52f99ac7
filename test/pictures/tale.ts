/**
 * Histories told with names, for the pictures of the documentation. An epoch is called by two characters, the initial
 * of its committer and a number: `b2` is bob's second. Heads, plans and members are the library's own answers.
 */
import { toHex, utf8 } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import {
  Dag,
  type DmlsEpoch,
  dmlsEpoch,
  type EpochFacts,
  forkChoice,
  type HashFunction,
  type InstanceId,
  instanceId,
  membership,
  needsHealing,
  planReconciliation,
  type RosterMember,
} from '@dmls/dmls'

const suite = nodeProvider.cipherSuite(1)
const hash: HashFunction = (bytes) => suite.hash(bytes)
const support = forkChoice({ kind: 'support' })

/** What a commit does. */
export interface Deed {
  readonly add?: readonly string[]
  readonly remove?: readonly string[]
  readonly resolve?: readonly string[]
  readonly settings?: string
}

export interface NamedPlan {
  readonly base: string
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

/** What the library draws: the shape that `@dmls/cli` takes. */
export interface Drawing {
  readonly epochs: readonly {
    readonly id: string
    readonly parent?: string
    readonly epoch: number
    readonly committer?: string
    readonly resolves: readonly string[]
    readonly added: readonly string[]
    readonly removed: readonly string[]
    readonly settingsChanged: boolean
  }[]
  readonly head: string
  readonly openHeads: readonly string[]
}

function instanceOf(name: string): InstanceId {
  return instanceId(utf8(name))
}

function nameOf(instance: InstanceId): string {
  return new TextDecoder().decode(Uint8Array.from(instance.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)))
}

/** `dave/phone` and `dave/laptop` are two instances of one person. */
function memberOf(name: string, leafIndex: number): RosterMember {
  return { instance: instanceOf(name), identity: toHex(utf8(name.split('/')[0] as string)), leafIndex }
}

function rootFacts(id: string, number: number, members: readonly string[]): EpochFacts {
  return {
    id: dmlsEpoch(id),
    parent: undefined,
    epoch: BigInt(number),
    committer: undefined,
    committerLeaf: undefined,
    counter: 0n,
    resolves: [],
    adds: [],
    removes: [],
    updates: [],
    settings: undefined,
    confirmationTag: '00',
    roster: members.map(memberOf),
  }
}

/** A history as it grows. Every step returns a new one. */
export class Tale {
  readonly dag: Dag

  constructor(dag: Dag) {
    this.dag = dag
  }

  /** alice founds a group and adds the others: epochs `a0` and `a1`. */
  static ofGroup(...others: readonly string[]): Tale {
    const founded = new Tale(Dag.empty().insert(rootFacts('a0', 0, ['alice'])))
    return founded.commit('alice', 'a0', 'a1', { add: others })
  }

  /** The history of somebody who was welcomed into an epoch. */
  static welcomed(id: string, number: number, members: readonly string[]): Tale {
    return new Tale(Dag.empty().insert(rootFacts(id, number, members)))
  }

  /** A second epoch into which the same person was welcomed, on the word of a handover: another root. */
  welcomedAgain(id: string, number: number, members: readonly string[]): Tale {
    return new Tale(this.dag.insert(rootFacts(id, number, members)))
  }

  commit(who: string, parent: string, id: string, deed: Deed = {}): Tale {
    const committer = instanceOf(who)
    const before = this.dag.get(dmlsEpoch(parent)) as EpochFacts
    const roster = this.dag.roster(before.id)
    const removes = (deed.remove ?? []).map(instanceOf)
    const taken = new Set([...roster.values()].filter((m) => !removes.includes(m.instance)).map((m) => m.leafIndex))
    const adds = (deed.add ?? []).map((name) => {
      let leafIndex = 0
      while (taken.has(leafIndex)) leafIndex++
      taken.add(leafIndex)
      return memberOf(name, leafIndex)
    })
    const resolves = (deed.resolve ?? []).map((name) => {
      const head = dmlsEpoch(name)
      return { head, forkPoint: this.dag.forkPoint(before.id, head) ?? head }
    })
    const facts: EpochFacts = {
      id: dmlsEpoch(id),
      parent: before.id,
      epoch: before.epoch + 1n,
      committer,
      committerLeaf: roster.get(committer)?.leafIndex,
      counter: this.#next(committer),
      resolves,
      adds,
      removes,
      updates: [committer],
      settings: deed.settings,
      confirmationTag: '00',
    }
    return new Tale(this.dag.insert(facts))
  }

  /** Somebody says something in an epoch. */
  say(who: string, epoch: string): Tale {
    const sender = instanceOf(who)
    return new Tale(this.dag.witness({ sender, counter: this.#next(sender), epoch: dmlsEpoch(epoch) }))
  }

  #next(sender: InstanceId): bigint {
    return (this.dag.latest(sender)?.counter ?? 0n) + 1n
  }

  /** The head of the default fork choice, among all open heads or among those given. */
  head(among?: readonly DmlsEpoch[]): string {
    return support.chooseHead(this.dag, hash, among)
  }

  openHeads(): readonly string[] {
    return this.dag.unresolvedHeads()
  }

  /** Names of the members once all open heads are taken together. */
  members(): readonly string[] {
    return [...membership(this.dag, this.dag.unresolvedHeads()).keys()].map(nameOf).sort()
  }

  roster(epoch: string): readonly string[] {
    return [...this.dag.roster(dmlsEpoch(epoch)).keys()].map(nameOf).sort()
  }

  /** Whether somebody's fresh key is on another branch than the chosen one. */
  needsHealing(name: string): boolean {
    return needsHealing(this.dag, support.chooseHead(this.dag, hash), instanceOf(name))
  }

  /** What a commit would have to do, as names; undefined when nobody would remain. */
  plan(): NamedPlan | undefined {
    const plan = planReconciliation(this.dag, support, hash)
    if (plan === undefined) return undefined
    return { base: plan.base, add: plan.add.map(({ instance }) => nameOf(instance)), remove: plan.remove.map(nameOf) }
  }

  /** `among`: the heads that can be chosen, where others were left behind under another root. */
  draw(among?: readonly DmlsEpoch[]): Drawing {
    const epochs = this.dag.epochs().map((facts) => ({
      id: facts.id,
      ...(facts.parent === undefined ? {} : { parent: facts.parent }),
      epoch: Number(facts.epoch),
      ...(facts.committer === undefined ? {} : { committer: nameOf(facts.committer) }),
      resolves: facts.resolves.map(({ head }) => head),
      added: facts.adds.map(({ instance }) => nameOf(instance)),
      removed: facts.removes.map(nameOf),
      settingsChanged: facts.settings !== undefined,
    }))
    return { epochs, head: this.head(among), openHeads: among ?? this.openHeads() }
  }
}
