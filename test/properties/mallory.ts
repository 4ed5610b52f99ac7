/**
 * The hostile member of a random scenario. It is added like anybody else, hears all traffic wherever it passes, keeps the
 * rules of MLS, and breaks those of the profile.
 */
import { type DmlsEpoch, dmlsEpoch, identifierBytes } from '@dmls/dmls'
import type { Proposal } from '@dmls/mls'
import { MlsError } from '@dmls/mls'
import type { Insider, InsiderMove, SimNode, World } from '@dmls/sim'
import type { Actor } from '../scenarios/actor.ts'
import { forgeCommit } from '../scenarios/forge.ts'
import { Insider as Member } from '../scenarios/insider.ts'

const FLOOD = 12

export class Mallory implements Insider {
  readonly #world: World
  readonly #member: Member
  /** Messages that it has heard, and those that it sent itself. */
  #heard = 0
  readonly #own = new Set<string>()

  private constructor(world: World, member: Member) {
    this.#world = world
    this.#member = member
  }

  static async join(world: World): Promise<Mallory> {
    const creator = world.nodes[0] as SimNode
    const mallory = new Mallory(world, await Member.join(world, creator))
    mallory.#heard = world.traffic.messages.length
    return mallory
  }

  async do(move: InsiderMove): Promise<void> {
    await this.#listen()
    try {
      await this.#carryOut(move)
    } catch (error) {
      // what it cannot do in its state, it does not do
      if (!(error instanceof MlsError)) throw error
    }
  }

  async #listen(): Promise<void> {
    const { actor, topic } = this.#member
    const name = Buffer.from(topic).toString('hex')
    actor.nowMs = this.#world.queue.nowMs
    const news = this.#world.traffic.messages.slice(this.#heard)
    this.#heard += news.length
    for (const message of news) {
      if (message.topic === name && !this.#own.has(message.id)) await actor.receive(message.bytes)
    }
  }

  async #carryOut({ deed, who, whom }: InsiderMove): Promise<void> {
    const { actor } = this.#member
    const counter = actor.state.counter + 1n
    switch (deed) {
      case 'equivocate': {
        const before = await actor.copy('before')
        const one = await actor.commit()
        this.#send(who, one.wire, ...one.handovers)
        const other = await forgeCommit(before, { data: { counter: actor.state.counter } })
        this.#send(whom, other.wire)
        return
      }
      case 'lazy merge': {
        const { dag, epochs } = actor.state
        const open = [...epochs].filter(([, { stage }]) => stage === 'open').map(([id]) => id)
        const epoch = open[whom % open.length] as DmlsEpoch
        const resolves = dag
          .unresolvedHeads()
          .filter((head) => head !== epoch)
          .map((head) => ({ head, forkPoint: dag.forkPoint(epoch, head) ?? head }))
        this.#send(who, (await forgeCommit(actor, { epoch, data: { counter, resolves } })).wire)
        return
      }
      case 'go on':
        this.#send(who, (await forgeCommit(actor, { data: { counter } })).wire)
        return
      case 'remove': {
        const proposals = this.#removalOf(actor, whom)
        this.#send(who, (await forgeCommit(actor, { proposals, data: { counter } })).wire)
        return
      }
      case 'flood':
        for (let i = 0; i < FLOOD; i++) {
          this.#send(who, (await forgeCommit(actor, { data: { counter: counter + BigInt(i) } })).wire)
        }
        return
      case 'ghost head': {
        const resolves = [{ head: this.#invented(1), forkPoint: whom % 2 === 0 ? actor.head : this.#invented(2) }]
        const proposals = this.#removalOf(actor, whom)
        this.#send(who, (await forgeCommit(actor, { proposals, data: { counter, resolves } })).wire)
        return
      }
      case 'lie':
        this.#send(who, await this.#lie(actor, whom))
    }
  }

  #removalOf(actor: Actor, whom: number): Proposal[] {
    const others = [...actor.state.dag.roster(actor.head).values()].filter((m) => m.instance !== actor.self)
    const victim = others[whom % others.length]
    return victim === undefined ? [] : [{ proposalType: 'remove', removed: victim.leafIndex }]
  }

  /** A handover that says that somebody is out, to an epoch that nobody has, from a fork that never was. */
  #lie(actor: Actor, whom: number): Promise<Uint8Array> {
    const others = [...actor.state.dag.roster(actor.head).keys()].filter((instance) => instance !== actor.self)
    const victim = others[whom % others.length]
    return actor.send({
      kind: 'handover',
      resolvedBy: identifierBytes(this.#invented(3)),
      forkPoint: identifierBytes(this.#invented(4)),
      heads: [identifierBytes(actor.head)],
      entrances: [],
      gone: victim === undefined ? [] : [identifierBytes(victim)],
    })
  }

  #invented(byte: number) {
    return dmlsEpoch(new Uint8Array(32).fill(byte))
  }

  /** From the place of a node: whoever can hear that node hears it, and that node only from them. */
  #send(who: number, ...wires: readonly Uint8Array[]): void {
    const { running, traffic, network } = this.#world
    const place = running[who % Math.max(1, running.length)]
    if (place === undefined) return
    for (const wire of wires) {
      const known = traffic.messages.length
      network.inject(place.name, this.#member.topic, wire)
      for (const { id } of traffic.messages.slice(known)) this.#own.add(id)
    }
  }
}
