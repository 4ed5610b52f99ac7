/**
 * Every decoder, on raw bytes and on damaged encodings. What is accepted is the one encoding of its value; what is not is
 * malformed. Trees of secrets are used after they were read, since their shape matters then.
 */
import { type CipherSuite, equalBytes } from '@dmls/crypto'
import {
  decodeApplicationContent,
  decodeAuthenticatedData,
  decodeDag,
  decodeDmlsMessage,
  decodeEpochFacts,
  decodeGroupMeta,
  decodeGroupPolicy,
  decodeHeldEpochFacts,
  decodeRosterExtension,
  encodeApplicationContent,
  encodeAuthenticatedData,
  encodeDag,
  encodeDmlsMessage,
  encodeEpochFacts,
  encodeGroupMeta,
  encodeGroupPolicy,
  encodeHeldEpochFacts,
  encodeRosterExtension,
} from '@dmls/dmls'
import {
  appDataDictionaryExtension,
  appDataDictionaryOf,
  type Blame,
  componentsListBytes,
  decodeComponentsList,
  decodeParentNode,
  decodeRatchetTreeBytes,
  decodeRequiredCapabilities,
  decodeWhole,
  encodeParentNode,
  encodeRequiredCapabilities,
  encodeWhole,
  externalPubExtension,
  externalPubOf,
  externalSendersExtension,
  externalSendersOf,
  PuncturableTree,
  ratchetTreeBytes,
  readMessageHeader,
  readSafeAad,
  SecretTree,
  safeAadBytes,
  treeRecordChildren,
} from '@dmls/mls'
import fc from 'fast-check'
import { type AnyWireType, publicMessage, wireTypes } from '../../../packages/mls/test/arbitraries.ts'
import { mutateBytes } from '../engine/byte-mutation.ts'
import type { Tape } from '../engine/tape.ts'
import { demand, refusal, type Target } from '../engine/target.ts'
import { Donors, mutateValue } from '../engine/value-mutation.ts'
import {
  anyApplicationContent,
  anyFacts,
  anyGroupPolicy,
  authenticatedDataOf,
  rosterOf,
  writeAnyDag,
} from '../world/dmls-values.ts'
import { suiteOf } from '../world/scene.ts'

/** Bytes of one kind: read, and written again. */
interface Codec {
  readonly name: string
  /** The bytes of what was read; undefined where reading loses something by design. */
  readonly again: (bytes: Uint8Array) => Uint8Array | undefined
  /** An encoding to start from. */
  readonly example: (tape: Tape) => Uint8Array
  readonly blames: readonly Blame[]
}

const MALFORMED: readonly Blame[] = ['malformed']
const nothing = new Donors()

function wireCodec(type: AnyWireType): Codec {
  return type.use(({ name, values, encode, decode }) => {
    const again = (bytes: Uint8Array): Uint8Array => encodeWhole(decodeWhole(bytes, decode), encode)
    const example = (tape: Tape): Uint8Array => {
      const value = fc.sample(values, { seed: tape.uint32() | 0, numRuns: 1 })[0] as never
      return encodeWhole(tape.once(2) ? mutateValue(value, tape, nothing) : value, encode)
    }
    return { name, again, example, blames: MALFORMED }
  })
}

function ofExtension(type: number, extensionData: Uint8Array): { extensionType: number; extensionData: Uint8Array }[] {
  return [{ extensionType: type, extensionData }]
}

function mlsCodecs(suite: CipherSuite): Codec[] {
  const codec = (name: string, again: Codec['again'], example: Codec['example']): Codec => ({
    name,
    again,
    example,
    blames: MALFORMED,
  })
  const raw = (tape: Tape): Uint8Array => tape.rest()
  const secretTree = SecretTree.fromEncryptionSecret(suite, new Uint8Array(suite.hashSize).fill(7), 8)
  const puncturable = PuncturableTree.fromRoot(suite, new Uint8Array(suite.hashSize).fill(9), 16)
  const limits = { forwardMax: 8, keptMax: 8 }
  return [
    codec(
      'RequiredCapabilities',
      (bytes) => encodeWhole(decodeWhole(bytes, decodeRequiredCapabilities), encodeRequiredCapabilities),
      raw,
    ),
    codec(
      'ExternalSenders',
      (bytes) => externalSendersExtension(externalSendersOf(ofExtension(5, bytes))).extensionData,
      raw,
    ),
    codec(
      'ExternalPub',
      (bytes) => externalPubExtension(externalPubOf(ofExtension(4, bytes)) as Uint8Array).extensionData,
      raw,
    ),
    codec(
      'AppDataDictionary',
      (bytes) => appDataDictionaryExtension(appDataDictionaryOf(ofExtension(6, bytes))).extensionData,
      raw,
    ),
    codec('ComponentsList', (bytes) => componentsListBytes(decodeComponentsList(bytes)), raw),
    codec(
      'SafeAAD',
      (bytes) => {
        const { items, rest } = readSafeAad(bytes)
        return new Uint8Array([...safeAadBytes(items), ...rest])
      },
      raw,
    ),
    codec('ParentNode', (bytes) => encodeWhole(decodeWhole(bytes, decodeParentNode), encodeParentNode), raw),
    codec('RatchetTree', (bytes) => ratchetTreeBytes(decodeRatchetTreeBytes(suite, bytes)), raw),
    codec(
      'MessageHeader',
      (bytes) => {
        readMessageHeader(bytes)
        return undefined
      },
      raw,
    ),
    codec(
      'TreeRecord',
      (bytes) => {
        treeRecordChildren(bytes)
        return undefined
      },
      raw,
    ),
    codec(
      'SecretTree',
      (bytes) => {
        const tree = decodeWhole(bytes, (reader) => SecretTree.decode(suite, reader))
        useAnyhow(() => tree.receiveKey(tree.leafCount - 1, 'application', 3, limits))
        useAnyhow(() => tree.nextSendKey(0, 'handshake'))
        return encodeWhole(tree, (writer) => tree.encode(writer))
      },
      (tape) => {
        let tree = secretTree
        for (let left = tape.below(4); left > 0; left--) {
          tree = tree.receiveKey(tape.below(8), tape.pick(['handshake', 'application']), tape.below(6), limits).tree
        }
        return encodeWhole(tree, (writer) => tree.encode(writer))
      },
    ),
    codec(
      'PuncturableTree',
      (bytes) => {
        const tree = decodeWhole(bytes, (reader) => PuncturableTree.decode(suite, reader))
        useAnyhow(() => tree.evaluate(new Uint8Array(Math.ceil(tree.depth / 8))))
        return encodeWhole(tree, (writer) => tree.encode(writer))
      },
      (tape) => {
        let tree = puncturable
        const inputs = new Set(Array.from({ length: tape.below(4) }, () => tape.uint16()))
        for (const input of inputs) tree = tree.evaluate(new Uint8Array([input >> 8, input & 0xff])).next
        return encodeWhole(tree, (writer) => tree.encode(writer))
      },
    ),
  ]
}

/** What was read must not fail in another way later. */
function useAnyhow(use: () => unknown): void {
  try {
    use()
  } catch (error) {
    refusal(error)
  }
}

/** What our own store holds may contradict itself in ways that only a caller could cause. */
const STORED: readonly Blame[] = ['malformed', 'invalid', 'missing', 'usage']

function dmlsCodecs(): Codec[] {
  const codec = (
    name: string,
    again: Codec['again'],
    example: Codec['example'],
    blames: readonly Blame[] = MALFORMED,
  ): Codec => ({ name, again, example, blames })
  return [
    codec(
      'DMLSMessage',
      (bytes) => encodeDmlsMessage(decodeDmlsMessage(bytes)),
      (tape) => {
        const [message] = fc.sample(publicMessage, { seed: tape.uint32() | 0, numRuns: 1 })
        if (message === undefined) throw new Error('no sample')
        const framed = { wireFormat: 'mls_public_message', publicMessage: message } as const
        return encodeDmlsMessage({ message: framed, dmlsEpoch: tape.random()(32) })
      },
    ),
    codec('AuthenticatedData', (bytes) => encodeAuthenticatedData(decodeAuthenticatedData(bytes)), authenticatedDataOf),
    codec(
      'ApplicationContent',
      (bytes) => {
        const content = decodeApplicationContent(bytes)
        return content.kind === 'unknown' ? undefined : encodeApplicationContent(content)
      },
      (tape) => encodeApplicationContent(anyApplicationContent(tape)),
    ),
    codec(
      'GroupPolicy',
      (bytes) => encodeGroupPolicy(decodeGroupPolicy(bytes)),
      (tape) => encodeGroupPolicy(anyGroupPolicy(tape)),
      ['malformed', 'invalid'],
    ),
    codec(
      'Roster',
      (bytes) => encodeRosterExtension(decodeRosterExtension(bytes)),
      (tape) => encodeRosterExtension(rosterOf(tape)),
    ),
    codec(
      'EpochFacts',
      (bytes) => encodeEpochFacts(decodeEpochFacts(bytes)),
      (tape) => encodeEpochFacts(anyFacts(tape)),
    ),
    codec(
      'Dag',
      (bytes) => {
        const dag = decodeDag(bytes)
        encodeDag(dag)
        useAnyhow(() => dag.unresolvedHeads())
        return undefined
      },
      (tape) => encodeWhole(tape, writeAnyDag),
      STORED,
    ),
    codec(
      'HeldEpoch',
      (bytes) => {
        encodeWhole(decodeWhole(bytes, decodeHeldEpochFacts), encodeHeldEpochFacts)
        return undefined
      },
      (tape) => encodeWhole({ stage: 'open', supersededAtMs: tape.uint32() } as const, encodeHeldEpochFacts),
      STORED,
    ),
    codec(
      'GroupMeta',
      (bytes) => {
        encodeGroupMeta(decodeGroupMeta(bytes))
        return undefined
      },
      (tape) => tape.rest(),
      STORED,
    ),
  ]
}

function tryCodec(codec: Codec, tape: Tape): string {
  let bytes: Uint8Array
  try {
    bytes = tape.once(2) ? tape.rest() : mutateBytes(codec.example(tape), tape)
  } catch {
    return 'not made'
  }
  const input = bytes.slice()
  try {
    const again = codec.again(bytes)
    demand(again === undefined || equalBytes(again, input), `${codec.name} accepted another encoding of its value`)
    demand(equalBytes(bytes, input), `${codec.name} changed its input`)
    return `${codec.name} read`
  } catch (error) {
    return `${codec.name} ${refusal(error, codec.blames)}`
  }
}

export const decoders: Target = {
  name: 'decoders',
  tapeMax: 256,
  quickRuns: 4000,
  open: async () => {
    const codecs = [...wireTypes.map(wireCodec), ...mlsCodecs(suiteOf(1)), ...dmlsCodecs()]
    return (tape) => tryCodec(tape.pick(codecs), tape)
  },
}
