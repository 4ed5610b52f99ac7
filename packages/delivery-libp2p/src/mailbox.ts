/**
 * A node that belongs to no group and serves them all: it joins every topic that its peers join, holds what is said
 * there within bounds, and offers it to whoever comes later. Peers that only ever meet it reach each other, and an
 * invitation finds its owner though the sender is long gone. It sees topics and sealed messages, nothing else.
 *
 * For a node of its own: a client on the same delivery would find its topics taken.
 */
import { DeliveryError, type Topic, type TopicHandler, type Verdict } from '@dmls/client/ports'
import { fromHex, toHex } from '@dmls/crypto'
import type { Libp2pDelivery } from './libp2p-delivery.ts'
import { sha256 } from './sha256.ts'

export interface MailboxOptions {
  /** Topics served at once; the one that was quiet longest is given up for a new one. Default 1024. */
  readonly topicsMax?: number
  /** Bytes held for one topic; the oldest messages go first. Default 8 MiB. */
  readonly topicBytesMax?: number
  /** Bytes held in all; the topic that was quiet longest loses its messages first. Default 256 MiB. */
  readonly bytesMax?: number
  /**
   * What can be said of a message without knowing any group: `reject` for what every member would refuse, such as bytes
   * that do not parse. Whoever relays those is blamed. Default: everything is accepted.
   */
  readonly judge?: (message: Uint8Array) => Verdict
}

export interface Mailbox {
  /** Topics served, messages and bytes held. */
  readonly usage: { readonly topics: number; readonly messages: number; readonly sizeBytes: number }
  /** Leaves all topics. The delivery stays open. */
  close(): Promise<void>
}

export function openMailbox(delivery: Libp2pDelivery, options: MailboxOptions = {}): Mailbox {
  return new MailboxOnDelivery(delivery, options)
}

class MailboxOnDelivery implements Mailbox {
  readonly #delivery: Libp2pDelivery
  readonly #options: Required<MailboxOptions>
  /** By hexadecimal topic; the one that was quiet longest first. */
  readonly #boxes = new Map<string, Box>()
  readonly #stop: () => void
  #work: Promise<void> = Promise.resolve()
  #isClosed = false

  constructor(delivery: Libp2pDelivery, options: MailboxOptions) {
    this.#delivery = delivery
    this.#options = {
      topicsMax: options.topicsMax ?? 1024,
      topicBytesMax: options.topicBytesMax ?? 8 * 2 ** 20,
      bytesMax: options.bytesMax ?? 256 * 2 ** 20,
      judge: options.judge ?? (() => 'accept'),
    }
    this.#stop = delivery.onTopicPeer(({ topic }) => {
      this.#work = this.#work.then(() => this.#serve(topic))
    })
  }

  get usage(): { readonly topics: number; readonly messages: number; readonly sizeBytes: number } {
    let messages = 0
    for (const box of this.#boxes.values()) messages += box.count
    return { topics: this.#boxes.size, messages, sizeBytes: this.#sizeBytes() }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#stop()
    await this.#work
    await Promise.all([...this.#boxes.keys()].map((name) => this.#drop(name)))
  }

  async #serve(topic: Topic): Promise<void> {
    const name = toHex(topic)
    if (this.#isClosed || this.#boxes.has(name)) return
    while (this.#boxes.size >= this.#options.topicsMax) await this.#drop([...this.#boxes.keys()][0] as string)
    const box = new Box(this.#options, () => this.#touched(name, box))
    this.#boxes.set(name, box)
    try {
      box.leave = await this.#delivery.subscribe(topic, box)
    } catch (error) {
      this.#boxes.delete(name)
      if (!(error instanceof DeliveryError)) throw error
    }
  }

  /** A topic has something new: it is the last to lose anything. */
  #touched(name: string, box: Box): void {
    if (this.#boxes.delete(name)) this.#boxes.set(name, box)
    for (const quiet of this.#boxes.values()) {
      while (this.#sizeBytes() > this.#options.bytesMax && quiet.dropOldest());
    }
  }

  #sizeBytes(): number {
    let sizeBytes = 0
    for (const box of this.#boxes.values()) sizeBytes += box.sizeBytes
    return sizeBytes
  }

  async #drop(name: string): Promise<void> {
    const box = this.#boxes.get(name)
    this.#boxes.delete(name)
    await box?.leave()
  }
}

/** What is held of one topic. */
class Box implements TopicHandler {
  readonly #options: Required<MailboxOptions>
  readonly #touched: () => void
  readonly #messages = new Map<string, Uint8Array>()
  leave: () => Promise<void> = async () => undefined
  sizeBytes = 0

  constructor(options: Required<MailboxOptions>, touched: () => void) {
    this.#options = options
    this.#touched = touched
  }

  get count(): number {
    return this.#messages.size
  }

  async receive(message: Uint8Array): Promise<Verdict> {
    const verdict = this.#options.judge(message)
    if (verdict !== 'accept') return verdict
    if (message.length > this.#options.topicBytesMax) return 'ignore'
    const id = toHex(sha256(message))
    if (this.#messages.has(id)) return 'accept'
    this.#messages.set(id, message)
    this.sizeBytes += message.length
    while (this.sizeBytes > this.#options.topicBytesMax) this.dropOldest()
    this.#touched()
    return 'accept'
  }

  async *held(): AsyncGenerator<Uint8Array> {
    for (const id of [...this.#messages.keys()]) yield fromHex(id)
  }

  async load(id: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#messages.get(toHex(id))
  }

  /** False if there is nothing to drop. */
  dropOldest(): boolean {
    for (const [id, message] of this.#messages) {
      this.#messages.delete(id)
      this.sizeBytes -= message.length
      return true
    }
    return false
  }
}
