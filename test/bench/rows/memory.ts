/**
 * What a group takes in memory: V8's heap and what hangs on it, measured around garbage collections, in a process of its
 * own where nothing else lives and everything has happened once before.
 */
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type CipherSuite, systemRandom, utf8, wipe } from '@dmls/crypto'
import {
  createDmlsProfile,
  type DmlsGroupState,
  decodeDmlsMessage,
  joinDmlsGroup,
  leafOptions,
  makeCommit,
  receiveMessage,
} from '@dmls/dmls'
import { createKeyPackage, decodeMlsMessage, joinGroup } from '@dmls/mls'
import {
  type Alice,
  decentralizedGroup,
  firstMessageOf,
  NEWCOMER_LEAF,
  servicesOf,
} from '../builder/decentralized-group.ts'
import { LIFETIME, services } from '../builder/warm-group.ts'
import { newNodeSuite } from '../libraries/index.ts'
import { collectGarbage } from '../sampling.ts'

export interface MemoryReport {
  readonly members: number
  /** Bytes of a group that was joined, with one epoch. */
  readonly groupBytes: number
  /** Epochs that were retained beside the head, and what each of them adds. */
  readonly retainedEpochs: number
  readonly bytesPerRetainedEpoch: number
  /** Senders that were heard in one epoch, and what each of their ratchets takes. */
  readonly senders: number
  readonly bytesPerSender: number
  /** What the group and its retained epochs take together, and the most that they may. */
  readonly retainedBytes: number
  readonly retainedBytesMax: number
}

const RETAINED_EPOCH_BYTES_MAX = 16 * 1024

const run = promisify(execFile)
const PROGRAM = fileURLToPath(new URL('./memory-process.ts', import.meta.url))

export async function measureMemory(members: number, retainedEpochs: number): Promise<MemoryReport> {
  const program = ['--conditions=dmls-source', '--expose-gc', PROGRAM, String(members), String(retainedEpochs)]
  const { stdout } = await run(process.execPath, program)
  return JSON.parse(stdout) as MemoryReport
}

/** The measurement itself. */
export async function weigh(members: number, retainedEpochs: number): Promise<MemoryReport> {
  const suite = newNodeSuite()
  const script = await prepare(suite, members, retainedEpochs)
  const empty = usedBytes()
  let bob = await script.join()
  const groupBytes = usedBytes() - empty
  for (const commit of script.commits) bob = await receive(bob, commit)
  script.commits.length = 0
  const withEpochs = usedBytes() - empty
  const released = script.messages.reduce((sum, message) => sum + message.buffer.byteLength, 0)
  for (const message of script.messages) bob = await receive(bob, message)
  const senders = script.messages.length
  const withSenders = usedBytes() - empty
  if (bob.epochs.size !== retainedEpochs + 1 || released === 0) throw new Error('not the epochs that were expected')
  return {
    members,
    groupBytes,
    retainedEpochs,
    bytesPerRetainedEpoch: (withEpochs - groupBytes) / retainedEpochs,
    senders,
    bytesPerSender: (withSenders - withEpochs) / senders,
    retainedBytes: withEpochs,
    retainedBytesMax: 1.5 * groupBytes + retainedEpochs * RETAINED_EPOCH_BYTES_MAX,
  }
}

interface Script {
  readonly join: () => Promise<DmlsGroupState>
  /** Alice's, one after another. */
  readonly commits: Uint8Array[]
  /** One of each other member, in the last epoch. */
  readonly messages: readonly Uint8Array[]
}

/** Makes everything that Bob is to receive, so that nothing else is made while he is weighed. */
async function prepare(suite: CipherSuite, members: number, retainedEpochs: number): Promise<Script> {
  const signer = await suite.importSigner((await suite.generateSignatureKeyPair(systemRandom)).privateKey)
  const leaf = leafOptions(suite, { credentialType: 'basic', identity: utf8('bob') })
  const bundle = await createKeyPackage({ suite, signer, lifetime: LIFETIME, ...leaf, grease: 'omit' }, services)
  const alice = await decentralizedGroup(suite, members)
  const invited = await makeCommit(alice.state, { add: [bundle.keyPackage] }, alice.services)
  const welcome = invited.welcome?.message
  if (welcome === undefined) throw new Error('nobody was welcomed')
  const { state, wires } = await update({ ...alice, state: invited.state }, retainedEpochs)
  const data = systemRandom(100)
  const messages: Uint8Array[] = []
  for (let leafIndex = NEWCOMER_LEAF + 1; leafIndex < members; leafIndex++) {
    messages.push(await firstMessageOf(state, leafIndex, data))
  }
  const join = async (): Promise<DmlsGroupState> => {
    const message = decodeMlsMessage(welcome)
    if (message.wireFormat !== 'mls_welcome') throw new Error('not a Welcome')
    const profile = createDmlsProfile()
    const joined = await joinGroup({ profile, suite, welcome: message.welcome, keyPackages: [bundle] }, services)
    return joinDmlsGroup(joined, profile, servicesOf(signer)).state
  }
  return { join, commits: wires, messages }
}

async function update(
  alice: Alice,
  commits: number,
): Promise<{ readonly state: DmlsGroupState; readonly wires: Uint8Array[] }> {
  let { state } = alice
  const wires: Uint8Array[] = []
  for (let i = 0; i < commits; i++) {
    const made = await makeCommit(state, {}, alice.services)
    wires.push(made.wire)
    state = made.state
  }
  return { state, wires }
}

async function receive(state: DmlsGroupState, wire: Uint8Array): Promise<DmlsGroupState> {
  const nobody = { publicKey: new Uint8Array(0), sign: async () => new Uint8Array(0) }
  const received = await receiveMessage(state, decodeDmlsMessage(wire), servicesOf(nobody))
  if (received.kind === 'own') throw new Error('our own message')
  wipe(...received.superseded)
  return received.state
}

/** `heapUsed` counts V8's objects, `external` the memory that hangs on them, array buffers included. */
function usedBytes(): number {
  for (let i = 0; i < 4; i++) collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
