/**
 * Who can reach whom. Each process is told whom to let in; it closes the other connections and refuses new ones, in the
 * transport, so that the protocol above notices nothing but silence. Processes that come back have a new address and
 * perhaps a new name, so the wanted state is put into effect again whenever something differs from it.
 */
import type { Actor } from './actor.ts'
import type { Progress } from './cast.ts'

const CHECK_EVERY_MS = 1_000

export class Partition {
  readonly #actors: () => readonly Actor[]
  #sides: readonly (readonly string[])[] = []
  #running: Promise<void> = Promise.resolve()
  #isQueued = false
  #timer: NodeJS.Timeout | undefined

  constructor(actors: () => readonly Actor[]) {
    this.#actors = actors
  }

  /** From now on these sets of members can reach each other, and nobody else. Holds until told otherwise. */
  set(sides: readonly (readonly string[])[]): void {
    this.#sides = sides
    this.refresh()
    this.#timer ??= setInterval(() => {
      if (this.progress() !== true) this.refresh()
    }, CHECK_EVERY_MS)
  }

  /** Stops watching. */
  end(): void {
    clearInterval(this.#timer)
    this.#isQueued = true
  }

  /** Puts the wanted state into effect; many calls in a row count as one. */
  refresh(): void {
    if (this.#isQueued) return
    this.#isQueued = true
    this.#running = this.#running.then(async () => {
      this.#isQueued = false
      await this.#apply()
    })
  }

  /** How many parts the network has. */
  get sidesCount(): number {
    return this.#sides.length
  }

  /** The side that somebody is on, or -1. */
  sideOf(name: string): number {
    return this.#sides.findIndex((side) => side.includes(name))
  }

  /** How many members have exactly the connections that they should have. */
  progress(): Progress {
    const present = this.#present()
    const settled = present.filter((actor) => {
      const peers = actor.state?.peers ?? []
      const wanted = this.#peersOf(actor)
      return wanted.every((peer) => peers.includes(peer)) && peers.every((peer) => wanted.includes(peer))
    })
    const of = this.#sides.flat().length
    return settled.length === of ? true : { done: settled.length, of }
  }

  async #apply(): Promise<void> {
    const present = this.#present()
    await Promise.all(present.map((actor) => attempt(actor, { do: 'admit', peers: this.#peersOf(actor) })))
    await Promise.all(
      present.map(async (actor, index) => {
        // One of each pair dials, so that they do not end up with two connections.
        const addresses = present
          .slice(index + 1)
          .filter((other) => this.sideOf(other.name) === this.sideOf(actor.name))
          .filter(({ state }) => state !== undefined && actor.state?.peers.includes(state.peer) === false)
          .flatMap(({ state }) => state?.addresses.slice(0, 1) ?? [])
        if (addresses.length > 0) await attempt(actor, { do: 'dial', addresses })
      }),
    )
  }

  /** Members that take part and are up. */
  #present(): readonly Actor[] {
    return this.#actors().filter(({ name, state }) => state !== undefined && this.sideOf(name) >= 0)
  }

  #peersOf(actor: Actor): readonly string[] {
    const side = this.sideOf(actor.name)
    return this.#present()
      .filter((other) => other !== actor && this.sideOf(other.name) === side)
      .flatMap(({ state }) => (state === undefined ? [] : [state.peer]))
  }
}

/** Whoever cannot be told now is told when it is back. */
async function attempt(actor: Actor, request: Parameters<Actor['tell']>[0]): Promise<void> {
  await actor.tell(request).catch(() => undefined)
}
