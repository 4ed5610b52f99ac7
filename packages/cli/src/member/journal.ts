/**
 * What a member has said and heard, one JSON object per line beside its store. A line is written before the client is
 * told that a message was delivered, so after a crash everything is here, at most twice; reading drops the repetitions
 * and a line that the crash cut short.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { ReceivedText, SentText } from './protocol.ts'

type Entry = { readonly received: ReceivedText } | { readonly sent: SentText }

export class Journal {
  readonly #path: string
  readonly #received = new Map<string, ReceivedText>()
  readonly #sent = new Map<string, SentText>()

  /** Reads the journal at the path, or starts one there. */
  constructor(path: string) {
    this.#path = path
    const lines = existsSync(path) ? readFileSync(path, 'utf8') : ''
    for (const line of lines.split('\n')) {
      const entry = parse(line)
      if (entry !== undefined) this.#remember(entry)
    }
    // A line that was cut short must not swallow the next one.
    if (lines !== '' && !lines.endsWith('\n')) appendFileSync(path, '\n')
  }

  /** Everything heard, in the order of arrival. */
  received(): readonly ReceivedText[] {
    return [...this.#received.values()]
  }

  sent(text: string): SentText | undefined {
    return this.#sent.get(text)
  }

  /** Notes a message; false if it had been noted before. */
  noteReceived(message: ReceivedText): boolean {
    if (this.#received.has(message.messageId)) return false
    this.#note({ received: message })
    return true
  }

  noteSent(message: SentText): void {
    this.#note({ sent: message })
  }

  #note(entry: Entry): void {
    appendFileSync(this.#path, `${JSON.stringify(entry)}\n`)
    this.#remember(entry)
  }

  #remember(entry: Entry): void {
    if ('received' in entry) this.#received.set(entry.received.messageId, entry.received)
    else this.#sent.set(entry.sent.text, entry.sent)
  }
}

function parse(line: string): Entry | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null && ('received' in value || 'sent' in value)
      ? (value as Entry)
      : undefined
  } catch {
    return undefined
  }
}
