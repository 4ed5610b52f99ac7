/** How steps are put together: what changed is collected while a new state is built. */
import { wipe } from '@dmls/crypto'
import type { KeyPackage } from '@dmls/mls'
import type { EpochFacts, Witness } from '../dag/epoch-facts.ts'
import type { DmlsEpoch, InstanceId } from '../dag/identifiers.ts'
import type { Changes, DmlsGroupState, HeldEpoch, Step } from './state.ts'

/** What is stored with the group itself, but for the head, which is chosen. */
export type GroupFields = Pick<
  DmlsGroupState,
  'asked' | 'counter' | 'handovers' | 'home' | 'isLost' | 'leaving' | 'overcome' | 'removal' | 'returning' | 'self'
>

/** A step in the making. Its state is always consistent; {@link StepBuilder.finish} names what changed. */
export class StepBuilder {
  #state: DmlsGroupState
  readonly #epochs = new Set<DmlsEpoch>()
  readonly #dropped = new Set<DmlsEpoch>()
  readonly #keyPackages = new Set<InstanceId>()
  readonly #facts: EpochFacts[] = []
  readonly #witnesses: Witness[] = []
  readonly #superseded: Uint8Array[] = []
  readonly #created: Uint8Array[] = []
  #meta = false

  constructor(state: DmlsGroupState) {
    this.#state = state
  }

  get state(): DmlsGroupState {
    return this.#state
  }

  /** Changes fields that are stored with the group itself. */
  set(fields: Partial<GroupFields>): this {
    this.#state = { ...this.#state, ...fields }
    this.#meta = true
    return this
  }

  setHead(head: DmlsEpoch): this {
    if (head !== this.#state.head) {
      this.#state = { ...this.#state, head }
      this.#meta = true
    }
    return this
  }

  hold(id: DmlsEpoch, epoch: HeldEpoch): this {
    this.#state = { ...this.#state, epochs: new Map(this.#state.epochs).set(id, epoch) }
    this.#epochs.add(id)
    this.#dropped.delete(id)
    return this
  }

  drop(id: DmlsEpoch): this {
    const epochs = new Map(this.#state.epochs)
    if (!epochs.delete(id)) return this
    this.#state = { ...this.#state, epochs }
    this.#epochs.delete(id)
    this.#dropped.add(id)
    return this
  }

  insert(facts: EpochFacts): this {
    this.#state = { ...this.#state, dag: this.#state.dag.insert(facts) }
    this.#facts.push(facts)
    return this
  }

  witness(witness: Witness): this {
    this.#state = { ...this.#state, dag: this.#state.dag.witness(witness) }
    this.#witnesses.push(witness)
    return this
  }

  keepKeyPackages(added: readonly (readonly [InstanceId, KeyPackage])[]): this {
    if (added.length === 0) return this
    this.#state = { ...this.#state, keyPackages: new Map([...this.#state.keyPackages, ...added]) }
    for (const [instance] of added) this.#keyPackages.add(instance)
    return this
  }

  forgetKeyPackages(instances: readonly InstanceId[]): this {
    if (instances.length === 0) return this
    const keyPackages = new Map(this.#state.keyPackages)
    for (const instance of instances) {
      keyPackages.delete(instance)
      this.#keyPackages.add(instance)
    }
    this.#state = { ...this.#state, keyPackages }
    return this
  }

  supersede(buffers: readonly Uint8Array[]): this {
    this.#superseded.push(...buffers)
    return this
  }

  /** Secret buffers that only the new state holds, but for those of new epochs. */
  create(buffers: readonly Uint8Array[]): this {
    this.#created.push(...buffers)
    return this
  }

  /** Overwrites them: the old state stays. */
  giveUp(): void {
    wipe(...this.#created)
  }

  changes(): Changes {
    return {
      epochs: [...this.#epochs],
      dropped: [...this.#dropped],
      facts: this.#facts,
      witnesses: this.#witnesses,
      keyPackages: [...this.#keyPackages],
      meta: this.#meta,
    }
  }

  finish(): Step {
    return { state: this.#state, changes: this.changes(), superseded: this.#superseded }
  }
}
