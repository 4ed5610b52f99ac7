/**
 * What may be left of the secrets of a history, in symbols: for every secret that anybody derived, whether a member may
 * still have it. It knows which secret follows from which, what a member holds by the symbolic table, and the text of
 * protocol §2, §3 and §8: an epoch's secrets by its stage, nothing from which something follows that is used up, and
 * nothing that was needed on the way only.
 */
import { type Derivations, isZero } from './derivations.ts'
import type { Holdings } from './symbols.ts'

/** What everybody may know of a history, and what followed from its secrets. */
export interface Traces {
  /** The PPRF output that each epoch began with. */
  readonly initSecrets: ReadonlyMap<string, string>
  /** HPKE keys in the ratchet tree of an epoch. */
  treeKeys(epoch: string): ReadonlySet<string>
  /** HPKE keys of a key package: init key and leaf key. */
  keysOf(keyPackage: string): readonly string[]
}

/** RFC 9420 §8, table 4: secrets of an epoch that serve as long as commits can be processed in it. */
const OF_OPEN_EPOCHS: ReadonlySet<string> = new Set([
  'exporter',
  'authentication',
  'external',
  'confirm',
  'membership',
  'resumption',
])

export class Remains {
  readonly #derivations: Derivations
  readonly #holdings: Holdings
  readonly #publicKeys = new Set<string>()
  /** PPRF nodes and ratchet secrets from which something follows that is used up. */
  readonly #usedUp = new Set<string>()
  /** Ratchet secrets from which the keys of such messages followed. */
  readonly #readWith: ReadonlySet<string>

  constructor(derivations: Derivations, holdings: Holdings, traces: Traces) {
    this.#derivations = derivations
    this.#holdings = holdings
    const consumed = [...holdings.epochs.values()].flatMap((held) => [...held.consumed])
    const started = [...holdings.epochs.values()].flatMap((held) => [...held.punctured])
    this.#readWith = new Set(consumed.flatMap((key) => [...derivations.lineage(key)].slice(1, 2)))
    const outputs = started.flatMap((child) => traces.initSecrets.get(child) ?? [])
    for (const used of [...consumed, ...outputs]) {
      for (const secret of derivations.lineage(used)) this.#usedUp.add(secret)
    }
    for (const [epoch, { stage }] of holdings.epochs) {
      if (stage === 'open') for (const key of traces.treeKeys(epoch)) this.#publicKeys.add(key)
    }
    for (const keyPackage of holdings.keyPackages.keys()) {
      for (const key of traces.keysOf(keyPackage)) this.#publicKeys.add(key)
    }
  }

  /** Of some secrets, those that should not be there, each with the reason; sorted. */
  amiss(secrets: ReadonlySet<string>): string[] {
    const faults: string[] = []
    for (const secret of secrets) {
      const fault = this.#faultOf(secret)
      if (fault !== undefined) faults.push(`${this.#derivations.labelOf(secret)}: ${fault}`)
    }
    return faults.sort()
  }

  #faultOf(secret: string): string | undefined {
    const line = [...this.#derivations.lineage(secret)]
    const origin = line.at(-1) as string
    // what is put in the place of a secret that went: everybody can derive that
    if (isZero(origin)) return undefined
    const label = this.#derivations.labelOf(secret)
    if (label === 'private key') {
      const isOurs = this.#publicKeys.has(this.#derivations.publicKeyOf(secret) ?? '')
      return isOurs ? undefined : 'of no key package and no tree that is left'
    }
    const epoch = this.#derivations.nameOf(origin)
    // the epoch's own secret, and what led to it
    if (epoch === undefined || line.length === 1) return 'needed on the way only'
    const held = this.#holdings.epochs.get(epoch)
    if (held === undefined) return 'its epoch is forgotten'
    return this.#faultIn(held.stage, secret, line)
  }

  #faultIn(stage: 'open' | 'readable', secret: string, line: readonly string[]): string | undefined {
    const label = this.#derivations.labelOf(secret)
    const top = this.#derivations.labelOf(line.at(-2) as string)
    const isUsedUp = this.#usedUp.has(secret)
    switch (top) {
      case 'sender data':
        return line.length === 2 ? undefined : 'needed on the way only'
      case 'encryption': {
        // the key and the nonce of one message go together
        const isMessageKey = label === 'key' || label === 'nonce'
        const isGone = isMessageKey ? this.#readWith.has(line[1] as string) : isUsedUp
        return isGone ? 'a message that it opens was opened' : undefined
      }
      case 'parent_init':
        if (label === 'pprf') return 'needed on the way only'
        if (stage !== 'open') return 'its epoch can only be read'
        return isUsedUp ? 'a child that it starts was started' : undefined
      case 'application_export':
        return stage === 'open' ? undefined : 'its epoch can only be read'
      default:
        if (!OF_OPEN_EPOCHS.has(top) || line.length > 2) return 'needed on the way only'
        return stage === 'open' ? undefined : 'its epoch can only be read'
    }
  }
}
