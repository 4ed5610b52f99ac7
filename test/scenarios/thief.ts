/**
 * An adversary with everything that one member held at one moment, and all traffic before and after it. It does with the
 * library's own functions whatever they can do, in every order, until nothing new follows: no rule of the profile holds
 * it back, and it never deletes anything.
 */
import { toHex } from '@dmls/crypto'
import {
  type DmlsEpoch,
  type DmlsGroupState,
  decodeApplicationContent,
  decodeDmlsMessage,
  decodeSignedCommit,
  dmlsEpoch,
  type HeldEpoch,
} from '@dmls/dmls'
import {
  decodeMlsMessage,
  encodeGroupState,
  type GroupState,
  joinGroup,
  type KeyPackageBundle,
  MlsError,
  type MlsMessage,
  processMessage,
  protectPrivate,
  SECRET_TREE_LIMITS,
  type Services,
  unprotectPrivate,
} from '@dmls/mls'
import { type Actor, copyState, profile, suite } from './actor.ts'

/** A commit that is kept for evidence, an encoded SignedCommit, and the epoch that it was made in. */
export interface KeptCommit {
  readonly parent: DmlsEpoch
  readonly commit: Uint8Array
}

/** What is stolen: buffers of its own. */
export interface Loot {
  readonly epochs: ReadonlyMap<DmlsEpoch, HeldEpoch>
  readonly commits: readonly KeptCommit[]
  /** Private keys of key packages. */
  readonly bundles: readonly KeyPackageBundle[]
}

export function steal(victim: Actor, bundles: readonly KeyPackageBundle[] = victim.bundles): Loot {
  const copies = bundles.map((bundle) => ({
    ...bundle,
    initPrivateKey: bundle.initPrivateKey.slice(),
    encryptionPrivateKey: bundle.encryptionPrivateKey.slice(),
  }))
  return { epochs: copyState(victim.state).epochs, commits: keptCommits(victim.state), bundles: copies }
}

/** The commits that a state keeps. */
export function keptCommits({ dag, epochs }: Pick<DmlsGroupState, 'dag' | 'epochs'>): KeptCommit[] {
  return [...epochs].flatMap(([id, { commit }]): KeptCommit[] => {
    const parent = dag.parent(id)
    return commit === undefined || parent === undefined ? [] : [{ parent, commit: commit.slice() }]
  })
}

/** All bytes of the stolen epochs, hexadecimal, to be searched. */
export function bytesOf({ epochs: held, commits, bundles }: Loot): string {
  const epochs = [...held.values()].map(({ group }) => toHex(encodeGroupState(group)))
  const kept = commits.map(({ commit }) => toHex(commit))
  return [...epochs, ...kept, ...bundles.flatMap((b) => [toHex(b.initPrivateKey), toHex(b.encryptionPrivateKey)])].join(
    ' ',
  )
}

export interface Traffic {
  /** Encoded DMLSMessages. */
  readonly wires: readonly Uint8Array[]
  /** Encoded Welcomes. */
  readonly welcomes: readonly Uint8Array[]
}

/** What somebody can compute. */
export interface Reach {
  /** Epochs whose secrets it has; sorted. */
  readonly epochs: readonly string[]
  /** Texts that it reads; sorted. */
  readonly texts: readonly string[]
}

const services: Services = {
  random: (length) => new Uint8Array(length),
  now: 0n,
  authenticate: async () => undefined,
  policy: { receivedLifetimes: 'ignore' },
}

export class Thief {
  /** States by epoch: one may be had in several ways, some of which know more. */
  readonly #states = new Map<DmlsEpoch, GroupState[]>()
  readonly #texts = new Set<string>()

  static async with(loot: Loot, traffic: Traffic): Promise<Reach> {
    const thief = new Thief()
    for (const [id, { group }] of loot.epochs) thief.#add(id, group)
    for (const welcome of traffic.welcomes) await thief.#enter(welcome, loot.bundles)
    const tried = new Set<string>()
    for (let progress = true; progress; ) {
      progress = false
      for (const [i, kept] of loot.commits.entries()) {
        for (const [j, state] of (thief.#states.get(kept.parent) ?? []).entries()) {
          const attempt = `kept ${i} ${j}`
          if (tried.has(attempt)) continue
          tried.add(attempt)
          if (await thief.#replay(kept, state)) progress = true
        }
      }
      for (const [i, wire] of traffic.wires.entries()) {
        const { message, dmlsEpoch: name } = decodeDmlsMessage(wire)
        for (const [j, state] of (thief.#states.get(dmlsEpoch(name)) ?? []).entries()) {
          const attempt = `${i} ${toHex(name)} ${j}`
          if (tried.has(attempt)) continue
          tried.add(attempt)
          if (await thief.#open(state, message)) progress = true
        }
      }
    }
    return { epochs: [...thief.#states.keys()].sort(), texts: [...thief.#texts].sort() }
  }

  #add(id: DmlsEpoch, state: GroupState): void {
    this.#states.set(id, [...(this.#states.get(id) ?? []), state])
  }

  /**
   * The commits that are kept for evidence are in the clear. Their messages cannot be opened twice, but a thief can
   * encrypt them anew, under keys of the parent that nobody has used.
   */
  async #replay({ parent, commit }: KeptCommit, state: GroupState): Promise<boolean> {
    const { senderDataSecret } = state.secrets
    const { content: authenticatedContent } = decodeSignedCommit(commit)
    const own = { senderDataSecret, secretTree: state.secretTree, random: services.random, authenticatedContent }
    const again = await attempt(async () => protectPrivate(suite, own))
    if (again === undefined || dmlsEpoch(state.epochId) !== parent) return false
    return this.#open(state, { wireFormat: 'mls_private_message', privateMessage: again.message })
  }

  async #enter(welcome: Uint8Array, keyPackages: readonly KeyPackageBundle[]): Promise<void> {
    const message = decodeMlsMessage(welcome)
    if (message.wireFormat !== 'mls_welcome') return
    // a Welcome may be for several of the key packages
    for (const bundle of keyPackages) {
      const joined = await attempt(() =>
        joinGroup({ profile, suite, welcome: message.welcome, keyPackages: [bundle] }, services),
      )
      if (joined !== undefined) this.#add(dmlsEpoch(joined.state.epochId), joined.state)
    }
  }

  async #open(state: GroupState, message: MlsMessage): Promise<boolean> {
    const processed = await attempt(() => processMessage(state, message, services))
    if (processed?.kind === 'commit' && processed.child !== undefined) {
      this.#add(dmlsEpoch(processed.child.epochId), processed.child)
      return true
    }
    if (processed?.kind === 'application') return this.#read(processed.applicationData)
    return processed?.kind === 'own' ? this.#openOwn(state, message) : false
  }

  /** What the victim itself sent: its own ratchet is in the loot. */
  async #openOwn(state: GroupState, message: MlsMessage): Promise<boolean> {
    if (message.wireFormat !== 'mls_private_message') return false
    const { senderDataSecret } = state.secrets
    const opened = await attempt(async () =>
      unprotectPrivate(suite, {
        senderDataSecret,
        secretTree: state.secretTree,
        message: message.privateMessage,
        limits: SECRET_TREE_LIMITS,
        leafExists: () => true,
      }),
    )
    const body = opened?.authenticatedContent.content.content
    return body?.contentType === 'application' ? this.#read(body.applicationData) : false
  }

  #read(applicationData: Uint8Array): boolean {
    const content = decodeApplicationContent(applicationData)
    if (content.kind !== 'application') return false
    this.#texts.add(new TextDecoder().decode(content.data))
    return true
  }
}

async function attempt<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action()
  } catch (error) {
    if (error instanceof MlsError) return undefined
    throw error
  }
}
