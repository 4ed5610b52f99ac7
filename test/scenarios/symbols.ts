/**
 * Who could compute what, in symbols: no bytes, no library. A log says who made, processed and read what, and when;
 * from it follows what a member holds at a moment, and what follows from that and all traffic. Written from the text of
 * the protocol (§2, §3, §8), as the table that the bytes are held against.
 */

/** One commit: the epoch that it begins. */
export interface Commit {
  readonly child: string
  readonly parent: string
  /** Instances whom its path is encrypted to: members before and after it, but for its author. That is how an author heals. */
  readonly readers: readonly string[]
  /** The instance that made it. */
  readonly author: string
  /** Instances, that is key packages, that a Welcome to the child is for. */
  readonly welcomed: readonly string[]
  /** Whether its author let itself in: then what starts the child stays with the parent. */
  readonly isExternal?: boolean
  /** The key of the message that carried it, unless that was in the clear. */
  readonly key?: string | undefined
}

export interface Message {
  readonly text: string
  readonly epoch: string
  readonly by: string
  /** Names the key that it is encrypted with. */
  readonly key: string
}

/** What one member holds of one epoch. */
interface Holding {
  /** The instance that it is there. */
  readonly as: string
  stage: 'open' | 'readable'
  supersededAtMs: number | undefined
  /** Children whose PPRF input is punctured: processed or made here. */
  readonly punctured: Set<string>
  /** Keys of messages that are used up: received or sent here. */
  readonly consumed: Set<string>
}

/** What one member holds of a key package of its own. */
interface OwnKeyPackage {
  /** Epochs that Welcomes to it led into. */
  readonly entered: readonly string[]
  /** The instance that it asks to replace. */
  readonly replaces: string | undefined
}

interface Deletion {
  readonly head: string
  /** Heads that may yet be chosen: their epochs are kept. */
  readonly heads: readonly string[]
  readonly nowMs: number
  readonly retainedMs: number
  readonly readableMs: number
}

/** What a person holds. */
export class Holdings {
  readonly epochs: Map<string, Holding>
  readonly keyPackages: Map<string, OwnKeyPackage>

  constructor(epochs: Map<string, Holding> = new Map(), keyPackages: Map<string, OwnKeyPackage> = new Map()) {
    this.epochs = epochs
    this.keyPackages = keyPackages
  }

  copy(keyPackages: 'kept' | 'deleted' = 'kept'): Holdings {
    const epochs = [...this.epochs].map(([id, held]): [string, Holding] => [
      id,
      { ...held, punctured: new Set(held.punctured), consumed: new Set(held.consumed) },
    ])
    return new Holdings(new Map(epochs), keyPackages === 'kept' ? new Map(this.keyPackages) : new Map())
  }

  enter(epoch: string, as: string): void {
    if (this.epochs.has(epoch)) return
    this.epochs.set(epoch, { as, stage: 'open', supersededAtMs: undefined, punctured: new Set(), consumed: new Set() })
  }

  /** Made or processed: the parent can never start this child again. */
  child(parent: string, child: string, resolved: readonly string[], nowMs: number): void {
    const held = this.epochs.get(parent)
    if (held === undefined) throw new Error('a child of an epoch that is not held')
    held.punctured.add(child)
    for (const left of [parent, ...resolved]) {
      const other = this.epochs.get(left)
      if (other !== undefined) other.supersededAtMs ??= nowMs
    }
    this.enter(child, held.as)
  }

  /** Processed, and it removed this member: it starts no child here, and the parent's time begins all the same. */
  removedBy({ parent, readers, author, key }: Commit, nowMs: number): void {
    const held = this.epochs.get(parent)
    if (held?.stage !== 'open' || held.as === author || readers.includes(held.as)) return
    held.supersededAtMs ??= nowMs
    if (key !== undefined) held.consumed.add(key)
  }

  consume(epoch: string, key: string): void {
    this.epochs.get(epoch)?.consumed.add(key)
  }

  /** What was held before was a copy, or an old state: it starts nothing any more. */
  distrust(before: readonly string[]): void {
    for (const id of before) {
      const held = this.epochs.get(id)
      if (held !== undefined) held.stage = 'readable'
    }
  }

  retire({ head, heads, nowMs, retainedMs, readableMs }: Deletion): void {
    for (const [id, held] of [...this.epochs]) {
      if (id === head || heads.includes(id)) continue
      // resolved before it came, or left behind by entering elsewhere
      held.supersededAtMs ??= nowMs
      const age = nowMs - held.supersededAtMs
      if (age < retainedMs) continue
      if (age >= readableMs) this.epochs.delete(id)
      else held.stage = 'readable'
    }
  }

  offer(keyPackage: string, replaces?: string): void {
    this.keyPackages.set(keyPackage, { entered: [], replaces })
  }

  /** A Welcome to it led into an epoch, or its owner let itself in with it. */
  use(keyPackage: string, epoch: string): void {
    const own = this.keyPackages.get(keyPackage)
    this.keyPackages.set(keyPackage, { entered: [...(own?.entered ?? []), epoch], replaces: own?.replaces })
  }

  /** Those go that no Welcome can lead anywhere new with. */
  releaseKeyPackages(self: string): void {
    for (const [name, { entered, replaces }] of [...this.keyPackages]) {
      const isOver =
        entered.length > 0
          ? !entered.some((epoch) => this.epochs.get(epoch)?.stage === 'open')
          : replaces !== undefined && replaces !== self
      if (isOver) this.keyPackages.delete(name)
    }
  }
}

/** What follows from somebody's holdings and all that was ever sent. */
export function reachOf(
  holdings: Holdings,
  commits: readonly Commit[],
  messages: readonly Message[],
): { readonly epochs: readonly string[]; readonly texts: readonly string[] } {
  /** Epochs that can be computed from their beginning, with every key that they ever had, and as which instances. */
  const fresh = new Map<string, Set<string>>()
  const startsAs = (instance: string, { parent, child, isExternal, key }: Commit): boolean => {
    if (fresh.get(parent)?.has(instance) === true) return true
    const held = holdings.epochs.get(parent)
    if (held?.stage !== 'open' || held.as !== instance) return false
    return isExternal === true || !(held.punctured.has(child) || (key !== undefined && held.consumed.has(key)))
  }
  for (let progress = true; progress; ) {
    progress = false
    for (const commit of commits) {
      const starting = [
        ...commit.readers.filter((instance) => startsAs(instance, commit)),
        ...commit.welcomed.filter((instance) => holdings.keyPackages.has(instance)),
      ]
      for (const instance of starting) {
        const known = fresh.get(commit.child) ?? new Set()
        if (known.has(instance)) continue
        fresh.set(commit.child, known.add(instance))
        progress = true
      }
    }
  }
  const texts = messages.filter(({ epoch, key }) => {
    const held = holdings.epochs.get(epoch)
    return fresh.has(epoch) || (held !== undefined && !held.consumed.has(key))
  })
  return {
    epochs: [...new Set([...fresh.keys(), ...holdings.epochs.keys()])].sort(),
    texts: texts.map(({ text }) => text).sort(),
  }
}
