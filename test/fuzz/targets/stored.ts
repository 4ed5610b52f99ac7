/**
 * What comes back from a disk: encoded states and tree records with something wrong in them. Damage is told by a typed
 * error, at once or when the state is used; nothing is read without an end.
 */
import { toHex } from '@dmls/crypto'
import {
  type Blame,
  createCommit,
  decodeGroupState,
  encodeGroupState,
  type GroupState,
  loadTree,
  mlsProfile,
  processMessage,
  protectApplication,
  safeExportSecret,
  treeRecords,
} from '@dmls/mls'
import { mutateBytes } from '../engine/byte-mutation.ts'
import type { Tape } from '../engine/tape.ts'
import { Finding, refusal, refusalOrCrypto, type Target } from '../engine/target.ts'
import { type GroupWorld, groupWorld } from '../world/group-world.ts'
import { suiteOf } from '../world/scene.ts'

/** Whoever loads a state passes its surroundings, so that misuse may show too. */
const STORED: readonly Blame[] = ['malformed', 'invalid', 'missing', 'usage']

async function tryState(world: GroupWorld, tape: Tape): Promise<string> {
  const { state, person, encoded } = tape.pick(world.receivers)
  const { suite, profile, tree } = state
  const bytes = mutateBytes(encoded, tape, world.donors.byteStrings)
  let restored: GroupState
  try {
    restored = decodeGroupState(bytes, { suite, profile, tree })
  } catch (error) {
    return refusal(error, STORED)
  }
  encodeGroupState(restored)
  const { signer, services } = person
  const use = tape.below(4)
  try {
    if (use === 0) await processMessage(restored, tape.pick(world.messages), services)
    else if (use === 1) await createCommit(restored, { signer, references: 'all' }, services)
    else if (use === 2) safeExportSecret(restored, tape.uint16())
    else await protectApplication(restored, new Uint8Array(1), { signer, pendingProposals: 'ignore' }, services)
    return 'used'
  } catch (error) {
    return `used: ${refusalOrCrypto(error, STORED)}`
  }
}

export const states: Target = {
  name: 'states',
  tapeMax: 96,
  quickRuns: 400,
  open: async () => {
    const world = await groupWorld({ profile: mlsProfile, suite: suiteOf(1) })
    return (tape) => tryState(world, tape)
  },
}

async function tryRecords(world: GroupWorld, tape: Tape): Promise<string> {
  const { tree } = world.mallory.state
  const { suite } = world
  const records = [...treeRecords(tree, () => false)].map(({ hash, bytes }) => ({ hash, bytes }))
  const at = tape.below(records.length)
  const { hash, bytes } = records[at] as (typeof records)[number]
  const changed = mutateBytes(bytes, tape, world.donors.byteStrings)
  // under its old name, or as the root of another tree
  const renamed = tape.once(2) ? suite.hash(changed.subarray(1)) : hash
  records[at] = { hash: renamed, bytes: changed }
  const stored = new Map(records.map((record) => [toHex(record.hash), record.bytes]))
  const root = tape.once(2) ? renamed : tree.treeHash()
  try {
    const loaded = loadTree(suite, root, (name) => stored.get(toHex(name)))
    if (toHex(loaded.treeHash()) !== toHex(root)) throw new Finding('a tree was loaded under another name')
    return 'loaded'
  } catch (error) {
    return refusal(error, STORED)
  }
}

export const treeRecordsTarget: Target = {
  name: 'tree-records',
  tapeMax: 64,
  quickRuns: 400,
  open: async () => {
    const world = await groupWorld({ profile: mlsProfile, suite: suiteOf(1) })
    return (tape) => tryRecords(world, tape)
  },
}
