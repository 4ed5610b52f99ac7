/** A group as an application holds it: reads of its current state, and requests that run as steps of it. */
import { toHex } from '@dmls/crypto'
import {
  createJoinInfo,
  type Dag,
  type DmlsEpoch,
  type GroupPolicy,
  headGroup,
  type InstanceId,
  openHeads,
  policyAt,
} from '@dmls/dmls'
import { decodeMlsMessage, epochAuthenticator, exportSecret, type KeyPackage, mlsMessageBytes, usage } from '@dmls/mls'
import type { CallOptions, DmlsGroup, GroupEvent, Member, SettingsChange } from '../api.ts'
import { watchOf } from '../context.ts'
import { membersOf } from './members.ts'
import type { RunningGroup } from './running-group.ts'
import { settingsAfter } from './settings.ts'

export class GroupHandle implements DmlsGroup {
  readonly id: Uint8Array
  readonly #group: RunningGroup

  constructor(group: RunningGroup) {
    this.#group = group
    this.id = group.id
  }

  get head(): DmlsEpoch {
    return this.#group.state.head
  }

  get epoch(): bigint {
    return headGroup(this.#group.state).context.epoch
  }

  get isMember(): boolean {
    return this.#group.isMember
  }

  epochAuthenticator(): Uint8Array {
    return epochAuthenticator(headGroup(this.#group.secretState))
  }

  members(): readonly Member[] {
    return membersOf(this.#group.state)
  }

  policy(): GroupPolicy {
    return policyAt(this.#group.state, this.head)
  }

  dag(): Dag {
    return this.#group.state.dag
  }

  openHeads(): readonly DmlsEpoch[] {
    return openHeads(this.#group.state)
  }

  exportSecret(label: string, context: Uint8Array, length: number): Uint8Array {
    return exportSecret(headGroup(this.#group.secretState), { label, context, length })
  }

  on(listener: (event: GroupEvent) => void | Promise<void>): () => void {
    return this.#group.on(listener)
  }

  send(data: Uint8Array): Promise<Uint8Array> {
    return this.#group.say({ kind: 'application', data })
  }

  add(keyPackages: readonly Uint8Array[], options: CallOptions = {}): Promise<void> {
    return this.#group.commit(() => ({ add: keyPackages.map(readKeyPackage) }), watchOf(options))
  }

  remove(who: readonly (InstanceId | Uint8Array)[], options: CallOptions = {}): Promise<void> {
    return this.#group.commit(() => ({ remove: this.#instancesOf(who) }), watchOf(options))
  }

  update(options: CallOptions = {}): Promise<void> {
    return this.#group.commit(() => ({}), watchOf(options))
  }

  changeSettings(change: SettingsChange, options: CallOptions = {}): Promise<void> {
    return this.#group.commit((state) => ({ settings: settingsAfter(state, change) }), watchOf(options))
  }

  async leave(): Promise<void> {
    await this.#group.say({ kind: 'leave_request' })
  }

  async createJoinInfo(): Promise<Uint8Array> {
    return mlsMessageBytes(await this.#group.ask((state, services) => createJoinInfo(state, services)))
  }

  #instancesOf(who: readonly (InstanceId | Uint8Array)[]): InstanceId[] {
    const members = this.members()
    return who.flatMap((name) => {
      const found = members.filter((member) =>
        typeof name === 'string' ? member.instance === name : toHex(member.identity) === toHex(name),
      )
      if (found.length === 0) throw usage('no_such_member', 'nobody of that name is a member')
      // RFC 9420 §12.2: a committer cannot remove itself
      if (found.some((member) => member.isSelf)) throw usage('removes_self', 'a member leaves by asking the others')
      return found.map((member) => member.instance)
    })
  }
}

/** @throws MlsError `usage` `not_a_key_package` */
function readKeyPackage(bytes: Uint8Array): KeyPackage {
  const message = decodeMlsMessage(bytes)
  if (message.wireFormat !== 'mls_key_package') throw usage('not_a_key_package', 'these bytes are not a key package')
  return message.keyPackage
}
