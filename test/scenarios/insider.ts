/** A hostile member of a group of clients: it has all the keys of a member, and no rules. */
import { toHex } from '@dmls/crypto'
import { decodeDmlsMessage } from '@dmls/dmls'
import { decodeMlsMessage, type KeyPackage, mlsMessageBytes } from '@dmls/mls'
import type { SimNode, World } from '@dmls/sim'
import { Actor } from './actor.ts'
import { act } from './sim-stories.ts'

export class Insider {
  readonly actor: Actor
  readonly #world: World
  /** The group's topic. */
  readonly topic: Uint8Array

  private constructor(world: World, actor: Actor, topic: Uint8Array) {
    this.#world = world
    this.actor = actor
    this.topic = topic
  }

  /** Somebody adds mallory, who plays along until then; or somebody else who is no client. */
  static async join(world: World, by: SimNode, name: string = 'mallory'): Promise<Insider> {
    const actor = await Actor.create(name)
    actor.nowMs = world.queue.nowMs
    const keyPackage: KeyPackage = await actor.keyPackage()
    const seen = world.traffic.messages.length
    await act(world, by.name, `add ${name}`, (node) =>
      node.requireGroup().add([mlsMessageBytes({ wireFormat: 'mls_key_package', keyPackage })]),
    )
    await world.runFor(1000)
    let topic: string | undefined
    for (const message of world.traffic.messages.slice(seen)) {
      if (isDmls(message.bytes)) topic = message.topic
      else if (isWelcome(message.bytes) && !actor.isIn) await actor.welcome(message.bytes)
    }
    if (topic === undefined || !actor.isIn) throw new Error(`${name} did not get in`)
    return new Insider(world, actor, new Uint8Array(Buffer.from(topic, 'hex')))
  }

  /** Reads everything of its group that was on the network. */
  async listen(): Promise<void> {
    const heard = this.#world.traffic.messages.filter(({ bytes }) => isDmls(bytes))
    await this.actor.receive(...heard.map(({ bytes }) => bytes))
  }

  /** Puts bytes on the network, and lets them arrive. */
  async send(...messages: readonly Uint8Array[]): Promise<void> {
    for (const message of messages) this.#world.network.inject(this.actor.name, this.topic, message)
    await this.#world.runFor(200)
  }
}

function isDmls(bytes: Uint8Array): boolean {
  try {
    decodeDmlsMessage(bytes)
    return true
  } catch {
    return false
  }
}

function isWelcome(bytes: Uint8Array): boolean {
  try {
    return decodeMlsMessage(bytes).wireFormat === 'mls_welcome'
  } catch {
    return false
  }
}

/** Everything on a disk, as text: equal when nothing was written. */
export async function diskOf(node: SimNode): Promise<string[]> {
  const entries: string[] = []
  for await (const [key, value] of node.disk.entries({ prefix: new Uint8Array(0) })) {
    entries.push(`${toHex(key)} ${toHex(value)}`)
  }
  return entries
}
