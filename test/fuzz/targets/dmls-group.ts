/**
 * Messages of the decentralized profile to members with an open fork, by a member that lies. A refused message leaves the
 * whole group as it was; whoever accepts a commit records the same facts as the others; and everybody can go on.
 */
import { equalBytes } from '@dmls/crypto'
import {
  type DmlsGroupState,
  decodeDmlsMessage,
  type EpochFacts,
  encodeDag,
  encodeDmlsMessage,
  encodeEpochFacts,
  encodeGroupMeta,
  identifierBytes,
  makeCommit,
  type Received,
  receiveMessage,
  retire,
} from '@dmls/dmls'
import { decodeMlsMessage, encodeGroupState, MlsError } from '@dmls/mls'
import { mutateBytes } from '../engine/byte-mutation.ts'
import type { Tape } from '../engine/tape.ts'
import { demand, Finding, refusal, type Target } from '../engine/target.ts'
import { anyMessage } from '../world/attacking.ts'
import { type DmlsWorld, dmlsWorld } from '../world/dmls-world.ts'
import { NOW } from '../world/scene.ts'

interface Receiver {
  readonly state: DmlsGroupState
  readonly services: DmlsWorld['receivers'][number]['services']
  readonly before: readonly Uint8Array[]
}

interface Outcome {
  readonly receiver: Receiver
  readonly label: string
  readonly received: Received | undefined
}

function fingerprint(state: DmlsGroupState): readonly Uint8Array[] {
  return [
    encodeGroupMeta(state),
    encodeDag(state.dag),
    ...[...state.epochs.values()].map((held) => encodeGroupState(held.group)),
  ]
}

async function anyWire({ attacks, wires }: DmlsWorld, tape: Tape): Promise<Uint8Array> {
  if (tape.once(16)) return mutateBytes(tape.pick(wires), tape, wires)
  const { epoch, world } = tape.pick(attacks)
  const inner = await anyMessage(world, tape)
  const hint = identifierBytes(tape.once(12) ? tape.pick(attacks).epoch : epoch)
  const dmlsEpoch = tape.once(16) ? tape.take(tape.below(66)) : hint
  const wire = encodeDmlsMessage({ message: decodeMlsMessage(inner), dmlsEpoch })
  return tape.once(16) ? mutateBytes(wire, tape, wires) : wire
}

async function tryWire(world: DmlsWorld, receivers: readonly Receiver[], tape: Tape): Promise<string> {
  let bytes: Uint8Array
  try {
    bytes = await anyWire(world, tape)
  } catch {
    return 'not made'
  }
  const goesOn = tape.once(8)
  const outcomes: Outcome[] = []
  for (const receiver of receivers) outcomes.push(await receive(receiver, bytes))
  await checkOutcomes(outcomes, goesOn)
  return outcomes.map(({ label }) => label).join(' | ')
}

async function receive(receiver: Receiver, bytes: Uint8Array): Promise<Outcome> {
  let received: Received | undefined
  let label: string
  try {
    received = await receiveMessage(receiver.state, decodeDmlsMessage(bytes), receiver.services)
    label = received.kind === 'application' ? `application ${received.content.kind}` : received.kind
  } catch (error) {
    label = refusal(error)
  }
  checkUntouched(receiver)
  return { receiver, label, received }
}

function checkUntouched({ state, before }: Receiver): void {
  const after = fingerprint(state)
  demand(
    after.length === before.length && after.every((part, i) => equalBytes(part, before[i] as Uint8Array)),
    'the group that was passed in has changed',
  )
}

async function checkOutcomes(outcomes: readonly Outcome[], goesOn: boolean): Promise<void> {
  const facts: EpochFacts[] = []
  const after: { readonly receiver: Receiver; readonly state: DmlsGroupState }[] = []
  for (const { receiver, received } of outcomes) {
    if (received === undefined || received.kind === 'own') continue
    after.push({ receiver, state: received.state })
    if (received.kind === 'commit') facts.push(received.state.dag.get(received.epoch) as EpochFacts)
  }
  const [first, second] = facts
  if (first !== undefined && second !== undefined) {
    demand(equalBytes(encodeEpochFacts(first), encodeEpochFacts(second)), 'two members record different facts')
  }
  for (const { receiver, state } of after) {
    checkReadable(state)
    if (goesOn && state.removal === undefined) await checkGoesOn(receiver, state)
    checkUntouched(receiver)
  }
}

/** What a client asks of its state after every step. */
function checkReadable(state: DmlsGroupState): void {
  try {
    state.dag.unresolvedHeads()
    state.dag.roster(state.head)
    retire(state, { nowMs: Number(NOW) * 1000, sizeOf: () => 1024 })
    fingerprint(state)
  } catch (error) {
    throw new Finding('a group cannot be read after an accepted message', { cause: error })
  }
}

/** Why somebody honest may have to let others commit. */
const EXCUSES = ['removed_by_plan', 'nobody_remains', 'not_allowed', 'key_package_unknown']

async function checkGoesOn({ services }: Receiver, state: DmlsGroupState): Promise<void> {
  try {
    await makeCommit(state, {}, services)
  } catch (error) {
    if (error instanceof MlsError && EXCUSES.includes(error.code)) return
    throw new Finding('nobody can commit after an accepted message', { cause: error })
  }
}

export const dmlsGroup: Target = {
  name: 'dmls-group',
  tapeMax: 160,
  quickRuns: 200,
  open: async () => {
    const world = await dmlsWorld()
    const receivers = world.receivers.map(({ state, services }) => ({ state, services, before: fingerprint(state) }))
    return (tape) => tryWire(world, receivers, tape)
  },
}
