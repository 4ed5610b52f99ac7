/**
 * Stays in touch: dials bootstrap addresses and peers that were connected once, again and again with growing waits, so
 * that a cut that ends is noticed from both sides. What a peer says of its own addresses is believed only for dialling
 * that same peer, whom the transport then authenticates.
 */
import type { PeerName } from '@dmls/client/ports'
import type { NodePort } from './node/node-port.ts'

const KNOWN_MAX = 256
const ADDRESSES_MAX = 8
const DIALS_MAX = 8
const DIAL_TIMEOUT_MS = 10_000
/** A connection that ends sooner was refused by the other side: as good as none. */
const LASTING_MS = 5000
/** A peer that is no bootstrap is forgotten after it could not be reached for so long. */
const FORGET_MS = 24 * 3_600_000

interface Target {
  /** Undefined for an address whose owner is not known yet. */
  peer: PeerName | undefined
  readonly addresses: Set<string>
  readonly isBootstrap: boolean
  failures: number
  nextAtMs: number
  lastSeenMs: number
  connectedAtMs: number
  isDialling: boolean
}

export interface ReconnectOptions {
  readonly node: NodePort
  readonly isAllowed: (peer: PeerName) => boolean
  readonly waitMs: { readonly min: number; readonly max: number }
}

export class Reconnect {
  readonly #options: ReconnectOptions
  readonly #targets: Target[] = []
  /** Peers that we were told to leave alone. */
  readonly #left = new Set<PeerName>()
  readonly #closing = new AbortController()
  #timer: NodeJS.Timeout | undefined

  constructor(options: ReconnectOptions, bootstrap: readonly string[]) {
    this.#options = options
    for (const address of bootstrap) this.#targets.push(newTarget(peerIn(address), [address], true))
    options.node.onPeer((event) => {
      if (event.type === 'addresses') this.#learn(event.peer, event.addresses)
      else if (event.type === 'connected') this.#seen(event.peer)
      else this.#lost(event.peer)
    })
  }

  start(): void {
    this.#tick()
  }

  /** Lets go of a peer until it comes back by itself or is dialled by hand. */
  leave(peer: PeerName): void {
    this.#left.add(peer)
  }

  /** Forgets the waits: after the rules of who may connect have changed, or the network has. */
  hurry(): void {
    for (const target of this.#targets) {
      target.failures = 0
      target.nextAtMs = 0
    }
    this.#tick()
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#closing.abort(new Error('the delivery is closed'))
  }

  #tick(): void {
    clearTimeout(this.#timer)
    if (this.#closing.signal.aborted) return
    const nowMs = Date.now()
    const connected = new Set(this.#options.node.peers())
    let dialling = this.#targets.filter(({ isDialling }) => isDialling).length
    for (const target of this.#targets) {
      if (dialling === DIALS_MAX || target.isDialling || target.nextAtMs > nowMs) continue
      if (target.peer !== undefined && (connected.has(target.peer) || !this.#mayDial(target.peer))) continue
      dialling++
      void this.#dial(target)
    }
    this.#timer = setTimeout(() => this.#tick(), this.#options.waitMs.min / 2)
    this.#timer.unref()
  }

  #mayDial(peer: PeerName): boolean {
    return !this.#left.has(peer) && this.#options.isAllowed(peer)
  }

  async #dial(target: Target): Promise<void> {
    const { node } = this.#options
    target.isDialling = true
    try {
      const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(DIAL_TIMEOUT_MS)])
      target.peer = await node.dial([...target.addresses], signal)
      target.connectedAtMs = Date.now()
    } catch {
      target.failures++
    } finally {
      target.isDialling = false
      this.#wait(target)
      if (!target.isBootstrap && Date.now() - target.lastSeenMs > FORGET_MS) this.#forget(target)
    }
  }

  #learn(peer: PeerName, addresses: readonly string[]): void {
    const known = this.#targets.find((target) => target.peer === peer)
    if (known === undefined) {
      if (addresses.length === 0 || !this.#makeRoom()) return
      this.#targets.push(newTarget(peer, addresses.slice(0, ADDRESSES_MAX), false))
      return
    }
    // The address of a bootstrap stays as it was given.
    for (const address of addresses) {
      if (known.isBootstrap || known.addresses.has(address)) continue
      known.addresses.add(address)
      if (known.addresses.size > ADDRESSES_MAX) known.addresses.delete([...known.addresses][0] as string)
    }
  }

  #seen(peer: PeerName): void {
    this.#left.delete(peer)
    const target = this.#targets.find((each) => each.peer === peer)
    if (target === undefined) return
    target.connectedAtMs = Date.now()
    target.lastSeenMs = Date.now()
  }

  #lost(peer: PeerName): void {
    const target = this.#targets.find((each) => each.peer === peer)
    if (target === undefined) return
    target.lastSeenMs = Date.now()
    target.failures = Date.now() - target.connectedAtMs < LASTING_MS ? target.failures + 1 : 0
    this.#wait(target)
  }

  #wait(target: Target): void {
    const { min, max } = this.#options.waitMs
    target.nextAtMs = Date.now() + jitter(Math.min(max, min * 2 ** Math.min(target.failures, 16)))
  }

  /** Gives up the peer that has been away longest; false if there is none to give up. */
  #makeRoom(): boolean {
    if (this.#targets.length < KNOWN_MAX) return true
    const connected = new Set(this.#options.node.peers())
    const away = this.#targets.filter(
      ({ isBootstrap, peer }) => !isBootstrap && peer !== undefined && !connected.has(peer),
    )
    const oldest = away.sort((a, b) => a.lastSeenMs - b.lastSeenMs)[0]
    if (oldest !== undefined) this.#forget(oldest)
    return oldest !== undefined
  }

  #forget(target: Target): void {
    this.#targets.splice(this.#targets.indexOf(target), 1)
  }
}

function newTarget(peer: PeerName | undefined, addresses: readonly string[], isBootstrap: boolean): Target {
  return {
    peer,
    addresses: new Set(addresses),
    isBootstrap,
    failures: 0,
    nextAtMs: 0,
    lastSeenMs: Date.now(),
    connectedAtMs: 0,
    isDialling: false,
  }
}

/** The peer that an address names, if it names one. */
function peerIn(address: string): PeerName | undefined {
  return /\/p2p\/([^/]+)$/.exec(address)?.[1]
}

/** Two peers that lost each other should not dial at the same moment each time. */
function jitter(ms: number): number {
  return ms * (0.5 + Math.random())
}
