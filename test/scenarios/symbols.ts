/**
 * Who could compute what, in symbols: no bytes, no library. A log says who made, processed and read what, and when;
 * from it follows what a member holds at a moment, and what follows from that and all traffic. Written from the text of
 * the protocol (§2, §3, §8), as the table that the bytes are held against.
 */

/** One commit: the epoch that it begins. */
export interface Commit {
  readonly child: string
  readonly parent: string
  /** The person whose fresh path it carries. */
  readonly by: string
  /** Persons in the child. */
  readonly members: readonly string[]
  /** Persons who have a Welcome to it. */
  readonly welcomed: readonly string[]
}

export interface Message {
  readonly text: string
  readonly epoch: string
  readonly by: string
}

/** What one member holds of one epoch. */
interface Holding {
  stage: 'open' | 'readable'
  supersededAtMs: number | undefined
  /** Children whose PPRF input is punctured: processed or made here. */
  readonly punctured: Set<string>
  /** Messages whose keys are used up: received or sent here. */
  readonly consumed: Set<string>
}

interface Deletion {
  readonly head: string
  /** Heads that nobody resolved: their epochs are kept. */
  readonly unresolved: readonly string[]
  readonly nowMs: number
  readonly retainedMs: number
  readonly readableMs: number
}

/** What a person holds. */
export class Holdings {
  readonly epochs: Map<string, Holding>
  /** Epochs that its key packages open the Welcome of. */
  readonly initKeys: boolean

  constructor(epochs: Map<string, Holding> = new Map(), initKeys = true) {
    this.epochs = epochs
    this.initKeys = initKeys
  }

  copy(initKeys: boolean = this.initKeys): Holdings {
    const epochs = [...this.epochs].map(([id, held]): [string, Holding] => [
      id,
      { ...held, punctured: new Set(held.punctured), consumed: new Set(held.consumed) },
    ])
    return new Holdings(new Map(epochs), initKeys)
  }

  enter(epoch: string): void {
    if (this.epochs.has(epoch)) return
    this.epochs.set(epoch, { stage: 'open', supersededAtMs: undefined, punctured: new Set(), consumed: new Set() })
  }

  /** Made or processed: the parent can never start this child again. */
  child(parent: string, child: string, resolved: readonly string[], nowMs: number): void {
    const held = this.epochs.get(parent)
    held?.punctured.add(child)
    for (const left of [parent, ...resolved]) {
      const other = this.epochs.get(left)
      if (other !== undefined) other.supersededAtMs ??= nowMs
    }
    this.enter(child)
  }

  consume({ epoch, text }: Message): void {
    this.epochs.get(epoch)?.consumed.add(text)
  }

  retire({ head, unresolved, nowMs, retainedMs, readableMs }: Deletion): void {
    for (const [id, held] of [...this.epochs]) {
      if (id === head || unresolved.includes(id) || held.supersededAtMs === undefined) continue
      const age = nowMs - held.supersededAtMs
      if (age < retainedMs) continue
      if (age >= readableMs) this.epochs.delete(id)
      else held.stage = 'readable'
    }
  }
}

/** What follows from holdings of a person and all that was ever sent. */
export function reachOf(
  who: string,
  holdings: Holdings,
  commits: readonly Commit[],
  messages: readonly Message[],
): { readonly epochs: readonly string[]; readonly texts: readonly string[] } {
  /** Epochs that can be computed from their beginning, with every key that they ever had. */
  const fresh = new Set<string>()
  const canStart = ({ parent, child, by, members }: Commit): boolean => {
    // the path of a commit is for those who are in the child, and not for its author: that is how it heals
    if (by === who || !members.includes(who)) return false
    if (fresh.has(parent)) return true
    const held = holdings.epochs.get(parent)
    return held?.stage === 'open' && !held.punctured.has(child)
  }
  for (let progress = true; progress; ) {
    progress = false
    for (const commit of commits) {
      if (fresh.has(commit.child)) continue
      if (!canStart(commit) && !(holdings.initKeys && commit.welcomed.includes(who))) continue
      fresh.add(commit.child)
      progress = true
    }
  }
  const texts = messages.filter(({ epoch, text }) => {
    const held = holdings.epochs.get(epoch)
    return fresh.has(epoch) || (held !== undefined && !held.consumed.has(text))
  })
  return {
    epochs: [...new Set([...fresh, ...holdings.epochs.keys()])].sort(),
    texts: texts.map(({ text }) => text).sort(),
  }
}
