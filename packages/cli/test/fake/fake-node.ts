/** A member's client and network for tests of the orchestration: JSON lines over TCP on loopback. */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { DmlsClient, DmlsGroup } from '@dmls/client'
import type { Network } from '../../src/node/network.ts'
import type { Node } from '../../src/node/node.ts'
import type { DeliveryObserver } from '../../src/node/observed-delivery.ts'
import { type FakeEvent, FakeGroup, FakeLog } from './fake-group.ts'

export interface FakeNodeOptions {
  readonly folder: string
  readonly observer: DeliveryObserver
  readonly isDeaf: boolean
}

export async function openFakeNode({ folder, observer, isDeaf }: FakeNodeOptions): Promise<Node> {
  mkdirSync(folder, { recursive: true })
  const identity = loadIdentity(join(folder, 'identity'))
  const log = new FakeLog(join(folder, 'events.ndjson'))
  const joined = new Set<(group: DmlsGroup) => void>()
  const network = new FakeNetwork(
    `peer-${Math.random().toString(36).slice(2, 10)}`,
    (event) => {
      if (!isDeaf && log.add(event)) {
        const isNew = !group.isStarted
        group.refresh()
        if (isNew && group.isStarted) for (const listener of joined) listener(group)
      }
      observer.arrived(event.id, 'accept')
    },
    () => [...log.events.values()],
  )
  const group = new FakeGroup(identity, log, (event) => {
    observer.published(event.id)
    network.publish(event)
  })
  await network.listen()
  const client: DmlsClient = {
    identity: new Uint8Array(Buffer.from(identity, 'hex')),
    createGroup: async () => {
      group.create()
      return group
    },
    joinGroup: async () => {
      throw new Error('a fake group is joined by invitation')
    },
    forgetGroup: async () => {
      throw new Error('a fake group is not forgotten')
    },
    groups: () => (group.isStarted ? [group] : []),
    group: () => (group.isStarted ? group : undefined),
    createKeyPackage: async () => new Uint8Array(),
    fetchKeyPackage: async (of) => of,
    onGroup: (listener) => {
      joined.add(listener)
      return () => joined.delete(listener)
    },
    close: async () => undefined,
  }
  return { client, network, close: async () => network.close() }
}

/** Made complete or not at all: the process may be killed between any two steps. */
function loadIdentity(path: string): string {
  if (!existsSync(path)) {
    writeFileSync(`${path}.new`, Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(8))).toString('hex'))
    renameSync(`${path}.new`, path)
  }
  return readFileSync(path, 'utf8')
}

type Line = { readonly hello: string } | { readonly event: FakeEvent }

class FakeNetwork implements Network {
  readonly name: string
  readonly #receive: (event: FakeEvent) => void
  readonly #held: () => readonly FakeEvent[]
  readonly #sockets = new Map<string, Socket>()
  readonly #listeners = new Set<() => void>()
  readonly #server: Server
  #admitted: readonly string[] | undefined = []

  constructor(name: string, receive: (event: FakeEvent) => void, held: () => readonly FakeEvent[]) {
    this.name = name
    this.#receive = receive
    this.#held = held
    this.#server = createServer((socket) => void this.#greet(socket).catch(() => socket.destroy()))
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  addresses(): readonly string[] {
    const address = this.#server.address()
    return address === null || typeof address === 'string' ? [] : [`127.0.0.1:${address.port}`]
  }

  peers(): readonly string[] {
    return [...this.#sockets.keys()].sort()
  }

  async admit(peers: readonly string[] | undefined): Promise<void> {
    this.#admitted = peers
    for (const [name, socket] of this.#sockets) if (!this.#isWelcome(name)) socket.destroy()
  }

  async dial(address: string): Promise<void> {
    const [host = '', port = ''] = address.split(':')
    const socket = connect(Number(port), host)
    await this.#greet(socket)
  }

  onPeersChanged(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  publish(event: FakeEvent): void {
    for (const socket of this.#sockets.values()) send(socket, { event })
  }

  close(): void {
    this.#server.close()
    for (const socket of this.#sockets.values()) socket.destroy()
  }

  #greet(socket: Socket): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let peer: string | undefined
    socket.on('error', reject)
    socket.on('close', () => {
      reject(new Error('refused'))
      if (peer !== undefined && this.#sockets.get(peer) === socket) this.#sockets.delete(peer)
      this.#changed()
    })
    send(socket, { hello: this.name })
    const lines = createInterface({ input: socket })
    lines.on('error', () => undefined)
    lines.on('line', (text) => {
      const line = parseLine(text)
      if (line === undefined) {
        socket.destroy()
        return
      }
      if ('event' in line) {
        this.#receive(line.event)
        return
      }
      if (!this.#isWelcome(line.hello)) {
        socket.destroy()
        return
      }
      peer = line.hello
      this.#sockets.set(peer, socket)
      for (const event of this.#held()) send(socket, { event })
      resolve()
      this.#changed()
    })
    return promise
  }

  #isWelcome(name: string): boolean {
    return this.#admitted?.includes(name) ?? true
  }

  #changed(): void {
    for (const listener of this.#listeners) listener()
  }
}

/** Undefined for what is no line of ours: cut short because the other process was killed. */
function parseLine(text: string): Line | undefined {
  try {
    return JSON.parse(text) as Line
  } catch {
    return undefined
  }
}

function send(socket: Socket, line: Line): void {
  if (!socket.destroyed) socket.write(`${JSON.stringify(line)}\n`)
}
