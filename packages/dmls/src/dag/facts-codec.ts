/**
 * How the DAG is stored: one record per epoch and one per message that says something new, or the whole DAG in one.
 * Equal facts are equal bytes. What is read is checked for shape; the DAG checks the rest when it is inserted.
 */
import { fromHex, fromUtf8, toHex, utf8 } from '@dmls/crypto'
import { decodeWhole, encodeWhole, malformed, type Reader, type Writer } from '@dmls/mls'
import { readDmlsEpoch, readInstanceId, writeIdentifier } from '../message/identifier-codec.ts'
import { Dag } from './dag.ts'
import type { AddedMember, EpochFacts, ResolvedHead, RosterMember, Witness } from './epoch-facts.ts'
import type { InstanceId } from './identifiers.ts'

/** Of both records. */
const VERSION = 1

function writeHex(writer: Writer, hex: string): void {
  writer.opaque(fromHex(hex))
}

function readHex(reader: Reader): string {
  return toHex(reader.opaque())
}

function readText(reader: Reader): string {
  const bytes = reader.opaque()
  try {
    return fromUtf8(bytes)
  } catch {
    throw malformed('bad_text', 'a record of the DAG holds text that is not UTF-8')
  }
}

function writeMember(writer: Writer, { instance, identity, leafIndex }: RosterMember): void {
  writeIdentifier(writer, instance)
  writeHex(writer, identity)
  writer.uint32(leafIndex)
}

function readMember(reader: Reader): RosterMember {
  return { instance: readInstanceId(reader), identity: readHex(reader), leafIndex: reader.uint32() }
}

function writeAdded(writer: Writer, added: AddedMember): void {
  writeMember(writer, added)
  writer.optional(added.continues, writeIdentifier)
}

function readAdded(reader: Reader): AddedMember {
  const member = readMember(reader)
  const continues = reader.optional(readInstanceId)
  return continues === undefined ? member : { ...member, continues }
}

function writeResolved(writer: Writer, { head, forkPoint }: ResolvedHead): void {
  writeIdentifier(writer, head)
  writeIdentifier(writer, forkPoint)
}

function readResolved(reader: Reader): ResolvedHead {
  return { head: readDmlsEpoch(reader), forkPoint: readDmlsEpoch(reader) }
}

function readVersion(reader: Reader): void {
  if (reader.uint8() !== VERSION) throw malformed('unsupported_record', 'a record of the DAG has another format')
}

export function writeEpochFacts(writer: Writer, facts: EpochFacts): void {
  writeIdentifier(writer.uint8(VERSION), facts.id)
  writer.optional(facts.parent, writeIdentifier).uint64(facts.epoch)
  writer.optional(facts.committer, writeIdentifier)
  writer.optional(facts.committerLeaf, (w, leaf) => w.uint32(leaf)).uint64(facts.counter)
  writer.vector(facts.resolves, writeResolved).vector(facts.adds, writeAdded)
  writer.vector(facts.removes, writeIdentifier).vector(facts.updates, writeIdentifier)
  writer.optional(facts.settings, (w, settings) => w.opaque(utf8(settings)))
  writeHex(writer, facts.confirmationTag)
  writer.optional(facts.roster, (w, roster) => w.vector(roster, writeMember))
  writer.optional(facts.newcomers, (w, newcomers) => w.vector(newcomers, writeIdentifier))
}

export function readEpochFacts(reader: Reader): EpochFacts {
  readVersion(reader)
  const id = readDmlsEpoch(reader)
  const parent = reader.optional(readDmlsEpoch)
  const epoch = reader.uint64()
  const committer = reader.optional(readInstanceId)
  const committerLeaf = reader.optional((r) => r.uint32())
  const counter = reader.uint64()
  const resolves = reader.vector(readResolved)
  const adds = reader.vector(readAdded)
  const removes: InstanceId[] = reader.vector(readInstanceId)
  const updates: InstanceId[] = reader.vector(readInstanceId)
  const settings = reader.optional(readText)
  const confirmationTag = readHex(reader)
  const roster = reader.optional((r) => r.vector(readMember))
  const newcomers = reader.optional((r) => r.vector(readInstanceId))
  const facts: EpochFacts = {
    id,
    parent,
    epoch,
    committer,
    committerLeaf,
    counter,
    resolves,
    adds,
    removes,
    updates,
    settings,
    confirmationTag,
  }
  return { ...facts, ...(roster && { roster }), ...(newcomers && { newcomers }) }
}

/** One record of an epoch. */
export function encodeEpochFacts(facts: EpochFacts): Uint8Array {
  return encodeWhole(facts, writeEpochFacts)
}

/** @throws MlsError `malformed` */
export function decodeEpochFacts(bytes: Uint8Array): EpochFacts {
  return decodeWhole(bytes, readEpochFacts)
}

export function writeWitness(writer: Writer, { sender, counter, epoch }: Witness): void {
  writeIdentifier(writer.uint8(VERSION), sender)
  writeIdentifier(writer.uint64(counter), epoch)
}

function readWitness(reader: Reader): Witness {
  readVersion(reader)
  return { sender: readInstanceId(reader), counter: reader.uint64(), epoch: readDmlsEpoch(reader) }
}

/** The whole DAG: epochs in {@link Dag.epochs} order, then what was heard of each sender. */
export function encodeDag(dag: Dag): Uint8Array {
  return encodeWhole(dag, (writer, value) => {
    writer.uint8(VERSION).vector(value.epochs(), writeEpochFacts)
    writer.vector([...value.witnesses()], writeWitness)
  })
}

/** @throws MlsError `malformed`; and what {@link Dag.insert} and {@link Dag.witness} refuse */
export function decodeDag(bytes: Uint8Array): Dag {
  return decodeWhole(bytes, (reader) => {
    readVersion(reader)
    let dag = Dag.empty()
    for (const facts of reader.vector(readEpochFacts)) dag = dag.insert(facts)
    for (const witness of reader.vector(readWitness)) dag = dag.witness(witness)
    return dag
  })
}
