/**
 * The state of a running group and the one way in which it changes: compute on copies, write one atomic batch, swap,
 * wipe what the old state alone held. Whoever applies a step publishes and tells afterwards.
 */
import { type Signer, signerFromPrivateKey, toHex, wipe } from '@dmls/crypto'
import type { DmlsGroupState, DmlsServices, Step } from '@dmls/dmls'
import { MlsError, wipeGroupState } from '@dmls/mls'
import { authenticateWith, type ClientContext } from '../context.ts'
import type { StoreOperation } from '../ports.ts'
import type { GroupRecords, SigningKey } from './group-records.ts'
import type { Pending } from './message-ledger.ts'

export class RunningState {
  readonly #context: ClientContext
  readonly #records: GroupRecords
  readonly #signers = new Map<string, Signer>()
  #signingKeys: readonly SigningKey[] = []
  /** Private keys that were handed to us: we overwrite them in the end. */
  readonly #privateKeys = new Set<Uint8Array>()
  #current: DmlsGroupState

  private constructor(context: ClientContext, records: GroupRecords, current: DmlsGroupState) {
    this.#context = context
    this.#records = records
    this.#current = current
  }

  /** Of a group that is in the store. The signature keys are its own from now on. */
  static async of(
    context: ClientContext,
    records: GroupRecords,
    current: DmlsGroupState,
    signingKeys: readonly SigningKey[],
  ): Promise<RunningState> {
    const running = new RunningState(context, records, current)
    for (const key of signingKeys) await running.#learn(key)
    return running
  }

  get current(): DmlsGroupState {
    return this.#current
  }

  get records(): GroupRecords {
    return this.#records
  }

  /** What a step is given now. */
  services(): DmlsServices {
    return servicesOf(this.#context, (publicKey) => this.#signers.get(toHex(publicKey)))
  }

  /** Writes a step with what belongs to it in one batch, and makes its state the current one. */
  async apply(step: Step, ...alongside: readonly Pending[]): Promise<void> {
    const batch = this.#records.operations(step.state, step.changes, this.#signingKeys)
    const operations: StoreOperation[] = [batch, ...alongside].flatMap((pending) => pending.operations)
    if (operations.length > 0) await this.#context.store.write(operations)
    this.#current = step.state
    for (const pending of [batch, ...alongside]) pending.written()
    wipe(...step.superseded)
  }

  /** Writes something that belongs to no step. */
  async write(pending: Pending): Promise<void> {
    if (pending.operations.length > 0) await this.#context.store.write(pending.operations)
    pending.written()
  }

  /** The same, for a step into an epoch where another signature key of ours is in the leaf. */
  async applyWithKey(step: Step, key: SigningKey, ...alongside: readonly Pending[]): Promise<void> {
    await this.#learn(key)
    await this.apply(step, ...alongside)
  }

  async #learn(key: SigningKey): Promise<void> {
    this.#privateKeys.add(key.privateKey)
    const name = toHex(key.publicKey)
    if (this.#signers.has(name)) return
    this.#signers.set(name, await signerFromPrivateKey(this.#context.suite, key.privateKey))
    this.#signingKeys = [...this.#signingKeys, key]
  }

  /** Overwrites every secret that it holds. Only what is public can be read afterwards. */
  wipe(): void {
    for (const { group } of this.#current.epochs.values()) wipeGroupState(group)
    wipe(...this.#privateKeys)
    this.#privateKeys.clear()
    this.#signingKeys = []
    this.#signers.clear()
  }
}

/** What a step is given: nothing is kept of it. */
export function servicesOf(
  context: ClientContext,
  signerFor: (publicKey: Uint8Array) => Signer | undefined,
): DmlsServices {
  return {
    random: context.random,
    nowMs: context.clock.nowMs(),
    authenticate: authenticateWith(context.authenticator),
    identityOf: (leaf) => context.authenticator.identity(leaf.credential),
    signerFor: (publicKey) => {
      const signer = signerFor(publicKey)
      if (signer === undefined) throw new MlsError('internal', 'no_signer', 'the private key of our leaf is not here')
      return signer
    },
    adminRule: context.adminRule,
  }
}
