/** Everything that ever went over the network, as an eavesdropper has it, with what its headers say. */
import { type CipherSuite, toHex } from '@dmls/crypto'
import { decodeDmlsMessage, messageId } from '@dmls/dmls'
import { mlsMessageBytes } from '@dmls/mls'
import type { SimNetwork } from './sim-network.ts'

export interface ArchivedMessage {
  /** Hexadecimal hash of the bytes. */
  readonly id: string
  readonly topic: string
  readonly bytes: Uint8Array
}

export class TrafficArchive {
  readonly #suite: CipherSuite
  readonly #messages = new Map<string, ArchivedMessage>()

  constructor(network: SimNetwork, suite: CipherSuite) {
    this.#suite = suite
    network.tap(({ id, topic, message }) => {
      if (!this.#messages.has(id)) this.#messages.set(id, { id, topic, bytes: message })
    })
  }

  /** Each once, in the order of first appearance. */
  get messages(): readonly ArchivedMessage[] {
    return [...this.#messages.values()]
  }

  /** The epoch that each DMLS message names, by the identifier that applications see. */
  epochsOfMessages(): ReadonlyMap<string, string> {
    const epochs = new Map<string, string>()
    for (const { bytes } of this.#messages.values()) {
      try {
        const message = decodeDmlsMessage(bytes)
        const id = toHex(messageId(this.#suite, mlsMessageBytes(message.message)))
        // the first was its author's; another may be a copy that lies
        if (!epochs.has(id)) epochs.set(id, toHex(message.dmlsEpoch))
      } catch {
        // a Welcome, a key package, or somebody's nonsense
      }
    }
    return epochs
  }
}
