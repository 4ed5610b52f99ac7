/**
 * A person of a story on the bare steps of `packages/dmls`: no network, no store, no timers. Whoever tells the story
 * decides what is received, and in which order. A step is applied as the client does it: the new state is taken, then
 * what only the old one held is overwritten.
 */
import { certifyGroupKey, createIdentity, type Identity, selfCertifyingAuthenticator } from '@dmls/client'
import { type CipherSuite, type Signer, signerFromPrivateKey, toHex, wipe } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import {
  type AdminRule,
  type ApplicationContent,
  askToRejoin,
  type CommitMade,
  type CommitRequest,
  createDmlsGroup,
  createDmlsProfile,
  DEFAULT_GROUP_POLICY,
  type DmlsEpoch,
  type DmlsGroupState,
  type DmlsServices,
  decodeDmlsMessage,
  dmlsEpoch,
  type GroupPolicy,
  type HeldEpoch,
  type InstanceId,
  type Invitation,
  instanceId,
  joinDmlsGroup,
  leafOptions,
  makeCommit,
  mlsServices,
  noteRejoin,
  type Received,
  type RejoinReason,
  receiveMessage,
  rejoinExtension,
  retire,
  returningMembers,
  type Step,
  sendMessage,
  wayInto,
} from '@dmls/dmls'
import {
  createKeyPackage,
  decodeGroupState,
  decodeMlsMessage,
  type Extension,
  encodeGroupState,
  type Joined,
  joinGroup,
  type KeyPackage,
  type KeyPackageBundle,
  MlsError,
} from '@dmls/mls'
import { SeededRandom } from '@dmls/sim'

export const suite: CipherSuite = nodeProvider.cipherSuite(1)
export const profile: ReturnType<typeof createDmlsProfile> = createDmlsProfile()
const authenticator = selfCertifyingAuthenticator(suite)

/** 2025-01-01. */
export const START_MS = 1_735_689_600_000
const HOUR_SECONDS = 3600n
const YEAR_SECONDS = 365n * 86_400n

/** What a member put on the wire. */
export interface Sent {
  readonly by: string
  readonly what: string
  /** An encoded DMLSMessage. */
  readonly wire: Uint8Array
}

/** A text that somebody could read. */
export interface Text {
  readonly text: string
  readonly sender: InstanceId
  readonly epoch: DmlsEpoch
}

/** What a message came to: what kind of thing it was, or the code with which it was refused. */
export type Outcome = Received['kind'] | `refused: ${string}`

export class Actor {
  readonly name: string
  readonly identity: Identity
  readonly #random: SeededRandom
  readonly #signers: Map<string, Signer>
  readonly bundles: KeyPackageBundle[]
  /** Who may do what in groups that leave it to the application. */
  adminRule: AdminRule | undefined
  #state: DmlsGroupState | undefined
  nowMs: number = START_MS
  readonly texts: Text[] = []
  /** Codes of refused messages, in order. */
  readonly refusals: string[] = []
  /** Messages that miss something. */
  waiting: Uint8Array[] = []
  waitingWelcomes: Uint8Array[] = []

  constructor(
    name: string,
    identity: Identity,
    random: SeededRandom,
    shared?: { signers: Map<string, Signer>; bundles: KeyPackageBundle[] },
  ) {
    this.name = name
    this.identity = identity
    this.#random = random
    this.#signers = shared?.signers ?? new Map()
    this.bundles = shared?.bundles ?? []
  }

  static async create(name: string, seed: number | string = 1): Promise<Actor> {
    const random = new SeededRandom(`${seed}/${name}`)
    const { identity } = await createIdentity(suite, (length) => random.bytes(length))
    return new Actor(name, identity, random)
  }

  /** A second copy of everything that this person has, with randomness of its own and no shared secret buffer. */
  async copy(label: string = 'copy'): Promise<Actor> {
    const copy = new Actor(this.name, this.identity, this.#random.fork(label), {
      signers: new Map(this.#signers),
      bundles: [...this.bundles],
    })
    if (this.#state !== undefined) copy.#state = copyState(this.#state)
    copy.nowMs = this.nowMs
    copy.adminRule = this.adminRule
    copy.waiting = [...this.waiting]
    copy.waitingWelcomes = [...this.waitingWelcomes]
    copy.texts.push(...this.texts)
    return copy
  }

  get state(): DmlsGroupState {
    if (this.#state === undefined) throw new Error(`${this.name} is in no group`)
    return this.#state
  }

  get isIn(): boolean {
    return this.#state !== undefined
  }

  get head(): DmlsEpoch {
    return this.state.head
  }

  get self(): InstanceId {
    return this.state.self
  }

  get services(): DmlsServices {
    return {
      random: (length) => this.#random.bytes(length),
      nowMs: this.nowMs,
      authenticate: (claim) => authenticator.authenticate(claim.credential, claim.signatureKey),
      identityOf: (leaf) => authenticator.identity(leaf.credential),
      signerFor: (key) => {
        const signer = this.#signers.get(toHex(key))
        if (signer === undefined) throw new Error(`${this.name} has no such signature key`)
        return signer
      },
      adminRule: this.adminRule,
    }
  }

  async newSigner(): Promise<Signer> {
    const { privateKey } = await suite.generateSignatureKeyPair((length) => this.#random.bytes(length))
    const signer = await signerFromPrivateKey(suite, privateKey)
    this.#signers.set(toHex(signer.publicKey), signer)
    return signer
  }

  async create(
    policy: Partial<GroupPolicy> = {},
    extensions: readonly Extension[] = [],
    groupId: Uint8Array = this.#random.bytes(32),
  ): Promise<void> {
    const signer = await this.newSigner()
    const step = await createDmlsGroup(
      {
        profile,
        suite,
        groupId,
        signer,
        leaf: leafOptions(suite, await certifyGroupKey(this.identity, signer.publicKey)),
        lifetime: this.#lifetime(),
        policy: { ...DEFAULT_GROUP_POLICY, ...policy },
        extensions,
      },
      this.services,
    )
    this.#apply(step)
  }

  #lifetime(): { readonly notBefore: bigint; readonly notAfter: bigint } {
    const now = BigInt(Math.floor(this.nowMs / 1000))
    return { notBefore: now - HOUR_SECONDS, notAfter: now + YEAR_SECONDS }
  }

  async keyPackage(keyPackageExtensions: readonly Extension[] = []): Promise<KeyPackage> {
    const signer = await this.newSigner()
    const leaf = leafOptions(suite, await certifyGroupKey(this.identity, signer.publicKey))
    const bundle = await createKeyPackage(
      { suite, signer, lifetime: this.#lifetime(), keyPackageExtensions, ...leaf },
      this.services,
    )
    this.bundles.push(bundle)
    return bundle.keyPackage
  }

  /** The instance that a key package of this person stands for. */
  instanceOf(keyPackage: KeyPackage): InstanceId {
    const bundle = this.bundles.find((each) => each.keyPackage === keyPackage)
    if (bundle === undefined) throw new Error(`this is no key package of ${this.name}`)
    return instanceId(bundle.reference)
  }

  #apply(step: Step): void {
    this.#state = step.state
    wipe(...step.superseded)
  }

  /** Takes a step that was made elsewhere. */
  take(step: Step): void {
    this.#apply(step)
  }

  /** Commits, and returns the step with everything that goes on the wire. */
  async commit(request: CommitRequest = {}): Promise<CommitMade> {
    const made = await makeCommit(this.state, request, this.services)
    this.#apply(made)
    return made
  }

  /** A commit that is made and forgotten: the state stays as it was. Buffers that belong to the state are not wiped. */
  attemptCommit(request: CommitRequest = {}): Promise<CommitMade> {
    return makeCommit(this.state, request, this.services)
  }

  say(text: string): Promise<Uint8Array> {
    return this.send({ kind: 'application', data: new TextEncoder().encode(text) })
  }

  async send(content: ApplicationContent): Promise<Uint8Array> {
    const sent = await sendMessage(this.state, content, this.services)
    this.#apply(sent)
    return sent.wire
  }

  /** Processes one message. What misses something is kept and tried again after each message that was of use. */
  async receive(...wires: readonly Uint8Array[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    for (const wire of wires) {
      const outcome = await this.#receiveOne(wire)
      outcomes.push(outcome)
      if (!outcome.startsWith('refused')) await this.#retry()
    }
    return outcomes
  }

  async #receiveOne(wire: Uint8Array): Promise<Outcome> {
    let received: Received
    try {
      received = await receiveMessage(this.state, decodeDmlsMessage(wire), this.services)
    } catch (error) {
      if (!(error instanceof MlsError)) throw error
      if (error.blame === 'missing') this.waiting.push(wire)
      else this.refusals.push(error.code)
      return `refused: ${error.code}`
    }
    if (received.kind === 'own') return 'own'
    this.#apply(received)
    if (received.kind === 'application' && received.content.kind === 'application') {
      const text = new TextDecoder().decode(received.content.data)
      this.texts.push({ text, sender: received.sender, epoch: received.epoch })
    }
    return received.kind
  }

  async #retry(): Promise<void> {
    for (let progress = true; progress; ) {
      progress = false
      const waiting = this.waiting
      this.waiting = []
      for (const wire of waiting) {
        const outcome = await this.#receiveOne(wire)
        if (!outcome.startsWith('refused')) progress = true
      }
    }
    const welcomes = this.waitingWelcomes
    this.waitingWelcomes = []
    for (const welcome of welcomes) await this.welcome(welcome)
  }

  /** Asks to be replaced by a new instance, perhaps as whom it was invited; the key package is what the others get. */
  async askBack(
    reason: RejoinReason = 'out_of_reach',
    invited?: Invitation,
    disputed: ReadonlySet<string> = new Set(),
  ): Promise<KeyPackage> {
    const invitation = invited === undefined ? {} : { instance: invited.instance, invitations: [invited] }
    const keyPackage = await this.keyPackage([rejoinExtension(this.state, reason, { ...invitation, disputed })])
    this.#apply(askToRejoin(this.state, keyPackage))
    return keyPackage
  }

  /** Hears the request of another: its code if it is refused. */
  async hearRequest(keyPackage: KeyPackage): Promise<'noted' | `refused: ${string}`> {
    try {
      this.#apply(await noteRejoin(this.state, keyPackage, this.services))
      return 'noted'
    } catch (error) {
      if (!(error instanceof MlsError)) throw error
      return `refused: ${error.code}`
    }
  }

  /** Replaces everybody who asked for it. */
  bringBack(): Promise<CommitMade> {
    const returning = returningMembers(this.state)
    return this.commit({
      remove: returning.map(({ instance }) => instance),
      add: returning.map(({ keyPackage }) => keyPackage),
    })
  }

  /** Whom a Welcome makes of it, and where. */
  async invitationBy(welcome: Uint8Array): Promise<Invitation> {
    const joined = await this.open(welcome)
    return { instance: instanceId(joined.keyPackageRef), epoch: dmlsEpoch(joined.state.epochId) }
  }

  /** Opens a Welcome without following it. */
  open(welcome: Uint8Array): Promise<Joined> {
    const message = decodeMlsMessage(welcome)
    if (message.wireFormat !== 'mls_welcome') throw new Error('this is no Welcome')
    return joinGroup(
      { profile, suite, welcome: message.welcome, keyPackages: this.bundles },
      mlsServices(this.services),
    )
  }

  /** Follows a Welcome as the client does: into a first group, back after a removal, or on the word of a handover. */
  async welcome(welcome: Uint8Array): Promise<'joined' | `refused: ${string}`> {
    try {
      const joined = await this.open(welcome)
      const state = this.#state
      if (state === undefined) this.#apply(joinDmlsGroup(joined, profile, this.services))
      else {
        const step = wayInto(state, joined, this.services)
        this.#apply(step)
        step.wipe?.()
      }
      await this.#retry()
      return 'joined'
    } catch (error) {
      if (!(error instanceof MlsError)) throw error
      if (error.blame === 'missing') this.waitingWelcomes.push(welcome)
      else this.refusals.push(error.code)
      return `refused: ${error.code}`
    }
  }

  /** Deletes what the group's policy no longer keeps. */
  retire(sizeOf: (epoch: DmlsEpoch) => number = (epoch) => sizeOfEpoch(this.state, epoch)): readonly DmlsEpoch[] {
    const step = retire(this.state, { nowMs: this.nowMs, sizeOf })
    if (step === undefined) return []
    this.#apply(step)
    step.wipe()
    return step.changes.dropped
  }

  /** Identities in the chosen epoch by name of whoever is given, sorted. */
  membersAmong(people: readonly Actor[]): string[] {
    const identities = new Map(people.map((person) => [toHex(person.identity.publicKey), person.name]))
    return [...this.state.dag.roster(this.head).values()]
      .map(({ identity }) => identities.get(identity) ?? identity)
      .sort()
  }
}

/** Bytes that the state of a held epoch takes. */
export function sizeOfEpoch(state: DmlsGroupState, epoch: DmlsEpoch): number {
  const held = state.epochs.get(epoch)
  return held === undefined ? 0 : encodeGroupState(held.group).length
}

export function copyEpoch(held: HeldEpoch): HeldEpoch {
  const { group } = held
  const copied = decodeGroupState(encodeGroupState(group), { suite, profile: group.profile, tree: group.tree })
  return { ...held, group: copied }
}

/** The same state in buffers of its own. */
export function copyState(state: DmlsGroupState): DmlsGroupState {
  return { ...state, epochs: new Map([...state.epochs].map(([id, held]) => [id, copyEpoch(held)])) }
}

/** Everything secret in a state as one text: equal when nothing changed. */
export function fingerprint(state: DmlsGroupState): string {
  const epochs = [...state.epochs]
    .map(([id, held]) => `${id} ${held.stage} ${held.supersededAtMs} ${toHex(encodeGroupState(held.group))}`)
    .sort()
  const facts = state.dag.epochs().map(({ id }) => id)
  const witnesses = [...state.dag.witnesses()].map(({ sender, counter, epoch }) => `${sender} ${counter} ${epoch}`)
  const rest = [
    state.isLost,
    state.asked,
    [...state.returning.keys()],
    state.head,
    state.self,
    state.counter,
    [...state.leaving],
    [...state.handovers.keys()],
    state.removal?.parent,
  ]
  return [...epochs, ...facts, ...witnesses, ...rest.map(String), ...state.keyPackages.keys()].join('\n')
}
