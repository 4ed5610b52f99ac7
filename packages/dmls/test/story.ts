/**
 * Histories told with names: `alice` adds `bob`, two branches part, somebody merges. Ids are made from names, so that a
 * failing test can be read.
 */
import { toHex, utf8 } from '@dmls/crypto'
import { Dag } from '../src/dag/dag.ts'
import type { EpochFacts, RosterMember } from '../src/dag/epoch-facts.ts'
import { type DmlsEpoch, dmlsEpoch, type InstanceId, instanceId } from '../src/dag/identifiers.ts'
import { membership } from '../src/reconcile/membership.ts'

/** An epoch named by a word. */
export function epochOf(name: string): DmlsEpoch {
  return dmlsEpoch(utf8(name))
}

/** A member's instance named by a word, `bob` or `bob/laptop`. */
export function instanceOf(name: string): InstanceId {
  return instanceId(utf8(name))
}

/** The person behind `bob/laptop` is bob. */
export function identityOf(name: string): string {
  return toHex(utf8(name.split('/')[0] as string))
}

export function nameOf(id: DmlsEpoch | InstanceId): string {
  return new TextDecoder().decode(Uint8Array.from(id.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16)))
}

export interface Deed {
  readonly add?: readonly string[]
  readonly remove?: readonly string[]
  readonly resolve?: readonly string[]
  /** Where the resolved heads parted; the parent unless told. */
  readonly forkPoint?: string
  readonly settings?: string
  readonly tag?: string
  readonly counter?: number
}

/** A group's history as it is told. Every step returns a new story. */
export class Story {
  readonly dag: Dag

  constructor(dag: Dag) {
    this.dag = dag
  }

  /** The members sit at leaves 0, 1, … in the order given. */
  static begin(epoch: string, ...members: readonly string[]): Story {
    const roster = members.map(
      (name, leafIndex): RosterMember => ({
        instance: instanceOf(name),
        identity: identityOf(name),
        leafIndex,
      }),
    )
    return new Story(Dag.empty().insert(rootOf(epoch, roster)))
  }

  #next(who: InstanceId): bigint {
    return (this.dag.latest(who)?.counter ?? 0n) + 1n
  }

  /** The facts of a commit, without making it. */
  facts(who: string, parent: string, child: string, deed: Deed = {}): EpochFacts {
    const committer = instanceOf(who)
    const present = this.dag.roster(epochOf(parent))
    const removed = new Set((deed.remove ?? []).map(instanceOf))
    const taken = new Set([...present.values()].filter((m) => !removed.has(m.instance)).map((m) => m.leafIndex))
    const adds = (deed.add ?? []).map((name): RosterMember => {
      let leafIndex = 0
      while (taken.has(leafIndex)) leafIndex++
      taken.add(leafIndex)
      return { instance: instanceOf(name), identity: identityOf(name), leafIndex }
    })
    return {
      id: epochOf(child),
      parent: epochOf(parent),
      epoch: (this.dag.get(epochOf(parent)) as EpochFacts).epoch + 1n,
      committer,
      committerLeaf: present.get(committer)?.leafIndex,
      counter: deed.counter === undefined ? this.#next(committer) : BigInt(deed.counter),
      resolves: (deed.resolve ?? []).map((head) => ({
        head: epochOf(head),
        forkPoint: epochOf(deed.forkPoint ?? parent),
      })),
      adds,
      removes: [...removed],
      updates: [committer],
      settings: deed.settings,
      confirmationTag: deed.tag ?? '00',
    }
  }

  /** `who` commits in `parent`; the child epoch is named. */
  commit(who: string, parent: string, child: string, deed: Deed = {}): Story {
    return new Story(this.dag.insert(this.facts(who, parent, child, deed)))
  }

  /** `who` says something in an epoch. */
  say(who: string, epoch: string): Story {
    const sender = instanceOf(who)
    return new Story(this.dag.witness({ sender, counter: this.#next(sender), epoch: epochOf(epoch) }))
  }

  /** Names of the members after the heads are taken together, by default all unresolved ones. */
  members(...heads: readonly string[]): string[] {
    const chosen = heads.length > 0 ? heads.map(epochOf) : this.dag.unresolvedHeads()
    return [...membership(this.dag, chosen).keys()].map(nameOf).sort()
  }

  roster(epoch: string): string[] {
    return [...this.dag.roster(epochOf(epoch)).keys()].map(nameOf).sort()
  }
}

/** The facts of an epoch that we were let into, or that began the group. */
export function rootOf(epoch: string, roster: readonly RosterMember[], number = 0n): EpochFacts {
  return {
    id: epochOf(epoch),
    parent: undefined,
    epoch: number,
    committer: undefined,
    committerLeaf: undefined,
    counter: 0n,
    resolves: [],
    adds: [],
    removes: [],
    updates: [],
    settings: undefined,
    confirmationTag: '00',
    roster,
  }
}
