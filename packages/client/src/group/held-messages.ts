/**
 * What the log of a group holds that was processed: under which epoch, and how many bytes of whom, so that nobody fills
 * it. When it is too large, whoever has most in it loses first: what it said before what it committed, because whoever
 * was away follows commits, and the oldest first.
 */

export interface HeldMessage {
  /** The name of the epoch that it is of, hexadecimal, or another shelf to forget it by. */
  readonly shelf: string
  /** The identifier of the inner message, hexadecimal; undefined for what is none. */
  readonly messageId: string | undefined
  readonly sizeBytes: number
  readonly kind: MessageKind
  /** Who made it, as far as that is known: after a restart it is not. */
  readonly author: string
}

/** What we made ourselves is never let go for want of room: maybe nobody else has it yet. */
export type MessageKind = 'commit' | 'other' | 'own'

interface Account {
  /** Identifiers, oldest first. */
  readonly commit: Set<string>
  readonly other: Set<string>
  readonly own: Set<string>
}

export class HeldMessages {
  readonly #messages = new Map<string, HeldMessage>()
  readonly #inner = new Set<string>()
  readonly #shelves = new Map<string, Set<string>>()
  readonly #accounts = new Map<string, Account>()
  #sizeBytes = 0

  /** Bytes of what others made. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Whether an inner message is held, under whatever name. */
  hasInner(messageId: string): boolean {
    return this.#inner.has(messageId)
  }

  shelves(): Iterable<string> {
    return this.#shelves.keys()
  }

  on(shelf: string): readonly string[] {
    return [...(this.#shelves.get(shelf) ?? [])]
  }

  add(id: string, message: HeldMessage): void {
    this.remove(id)
    this.#messages.set(id, message)
    if (message.messageId !== undefined) this.#inner.add(message.messageId)
    const shelf = this.#shelves.get(message.shelf)
    if (shelf === undefined) this.#shelves.set(message.shelf, new Set([id]))
    else shelf.add(id)
    const account = this.#accounts.get(message.author) ?? { commit: new Set(), other: new Set(), own: new Set() }
    this.#accounts.set(message.author, account)
    account[message.kind].add(id)
    if (message.kind !== 'own') this.#sizeBytes += message.sizeBytes
  }

  remove(id: string): void {
    const message = this.#messages.get(id)
    if (message === undefined) return
    this.#messages.delete(id)
    if (message.messageId !== undefined) this.#inner.delete(message.messageId)
    const shelf = this.#shelves.get(message.shelf)
    shelf?.delete(id)
    if (shelf?.size === 0) this.#shelves.delete(message.shelf)
    const account = this.#accounts.get(message.author) as Account
    account[message.kind].delete(id)
    if (account.commit.size + account.other.size + account.own.size === 0) this.#accounts.delete(message.author)
    if (message.kind !== 'own') this.#sizeBytes -= message.sizeBytes
  }

  /** What has to go, beside what goes anyway, so that what others made takes `sizeMaxBytes` at most. O(messages). */
  beyond(sizeMaxBytes: number, leaving: ReadonlySet<string>): readonly string[] {
    const accounts = [...this.#accounts.values()].map(({ commit, other }) => {
      const staying = [...other, ...commit].filter((id) => !leaving.has(id))
      return { sizeBytes: staying.reduce((sum, id) => sum + this.#sizeOf(id), 0), oldest: staying.values() }
    })
    let excess = accounts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) - sizeMaxBytes
    const gone: string[] = []
    while (excess > 0) {
      const largest = accounts.reduce((a, b) => (b.sizeBytes > a.sizeBytes ? b : a))
      const { value: id } = largest.oldest.next()
      if (id === undefined) break
      gone.push(id)
      largest.sizeBytes -= this.#sizeOf(id)
      excess -= this.#sizeOf(id)
    }
    return gone
  }

  #sizeOf(id: string): number {
    return this.#messages.get(id)?.sizeBytes ?? 0
  }
}
