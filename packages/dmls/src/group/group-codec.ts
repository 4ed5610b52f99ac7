/** How a group's own facts are stored: everything that is neither an epoch, nor a fact of the DAG, nor a key package. */
import { decodeKeyPackage, decodeWhole, encodeKeyPackage, malformed, type Reader, Writer } from '@dmls/mls'
import { type DmlsEpoch, dmlsEpoch, type InstanceId, identifierBytes, instanceId } from '../dag/identifiers.ts'
import { handoverKey } from './handovers.ts'
import type { DmlsGroupState, HeldEpoch, Removal } from './state.ts'
import type { GroupFields } from './step.ts'

/** Of the records below. */
const FORMAT_VERSION = 1

export type GroupMeta = GroupFields & Pick<DmlsGroupState, 'head'>

export function encodeGroupMeta(meta: GroupMeta): Uint8Array {
  const writer = new Writer()
    .uint16(FORMAT_VERSION)
    .opaque(identifierBytes(meta.self))
    .opaque(identifierBytes(meta.home))
    .opaque(identifierBytes(meta.head))
    .uint64(meta.counter)
    .vector([...meta.handovers.values()], (w, handover) => {
      w.opaque(identifierBytes(handover.resolvedBy)).opaque(identifierBytes(handover.saidIn))
      w.opaque(identifierBytes(handover.by)).opaque(identifierBytes(handover.forkPoint))
      w.vector(handover.heads, (inner, head) => inner.opaque(identifierBytes(head)))
      w.vector(handover.entrances, (inner, epoch) => inner.opaque(identifierBytes(epoch)))
    })
    .vector([...meta.leaving], (w, instance) => w.opaque(identifierBytes(instance)))
    .optional(meta.removal, writeRemoval)
    .vector([...meta.returning], (w, [instance, keyPackage]) => {
      encodeKeyPackage(w.opaque(identifierBytes(instance)), keyPackage)
    })
    .optional(meta.asked, (w, reason) => w.uint8(reason === 'out_of_reach' ? 1 : 2))
    .uint8(meta.isLost ? 1 : 0)
    .vector(meta.overcome, (w, removal) => {
      writeRemoval(w.opaque(identifierBytes(removal.entered)).uint8(removal.takenBack ? 1 : 0), removal)
    })
  return writer.finish()
}

function writeRemoval(writer: Writer, { parent, by, removes, exchanged }: Removal): void {
  writer.opaque(identifierBytes(parent)).optional(by, (inner, who) => inner.opaque(identifierBytes(who)))
  writer.vector(removes, (inner, instance) => inner.opaque(identifierBytes(instance))).uint8(exchanged ? 1 : 0)
}

function readRemoval(reader: Reader): Removal {
  const parent = readEpoch(reader)
  const by = reader.optional(readInstance)
  return { parent, by, removes: reader.vector(readInstance), exchanged: reader.uint8() === 1 }
}

function readEpoch(reader: Reader): DmlsEpoch {
  return dmlsEpoch(reader.opaque())
}

function readInstance(reader: Reader): InstanceId {
  return instanceId(reader.opaque())
}

/** @throws MlsError `malformed` when the record is of another format or damaged. */
export function decodeGroupMeta(bytes: Uint8Array): GroupMeta {
  return decodeWhole(bytes, (reader) => {
    if (reader.uint16() !== FORMAT_VERSION) throw malformed('unsupported_record', 'a group record has another format')
    const self = readInstance(reader)
    const home = readEpoch(reader)
    const head = readEpoch(reader)
    const counter = reader.uint64()
    const handovers = reader.vector((r) => ({
      resolvedBy: readEpoch(r),
      saidIn: readEpoch(r),
      by: readInstance(r),
      forkPoint: readEpoch(r),
      heads: r.vector(readEpoch),
      entrances: r.vector(readEpoch),
    }))
    const leaving = reader.vector(readInstance)
    const removal = reader.optional(readRemoval)
    const returning = reader.vector((r) => [readInstance(r), decodeKeyPackage(r)] as const)
    const asked = reader.optional((r) => (r.uint8() === 1 ? ('out_of_reach' as const) : ('state_lost' as const)))
    const isLost = reader.uint8() === 1
    const overcome = reader.vector((r) => ({ entered: readEpoch(r), takenBack: r.uint8() === 1, ...readRemoval(r) }))
    return {
      self,
      home,
      head,
      counter,
      handovers: new Map(handovers.map((handover) => [handoverKey(handover), handover])),
      leaving: new Set(leaving),
      removal,
      overcome,
      returning: new Map(returning),
      asked,
      isLost,
    }
  })
}

/** What is stored of a held epoch beside its group state. */
export type HeldEpochFacts = Pick<HeldEpoch, 'stage' | 'supersededAtMs'>

export function encodeHeldEpochFacts(writer: Writer, held: HeldEpochFacts): void {
  writer.uint8(held.stage === 'open' ? 1 : 2).optional(held.supersededAtMs, (w, time) => w.uint64(BigInt(time)))
}

export function decodeHeldEpochFacts(reader: Reader): HeldEpochFacts {
  const stage = reader.uint8()
  if (stage !== 1 && stage !== 2) throw malformed('unsupported_record', 'an epoch record has an unknown stage')
  const supersededAtMs = reader.optional((r) => Number(r.uint64()))
  return { stage: stage === 1 ? 'open' : 'readable', supersededAtMs }
}
