/**
 * Joining: by a Welcome whose inside a member forged, and by an external commit on a forged GroupInfo. Whoever gets in
 * stands in a group that is sound: it can be stored, validated and left by the next commit.
 */
import { equalBytes } from '@dmls/crypto'
import {
  createCommit,
  decodeGroupState,
  decodeMlsMessage,
  encodeGroupState,
  type GroupInfo,
  type GroupState,
  type JoinOptions,
  joinExternally,
  joinGroup,
  mlsMessageBytes,
  mlsProfile,
  type Services,
  validateRatchetTree,
} from '@dmls/mls'
import { mutateBytes } from '../engine/byte-mutation.ts'
import type { Tape } from '../engine/tape.ts'
import { demand, Finding, refusal, type Target } from '../engine/target.ts'
import { type GroupWorld, groupWorld } from '../world/group-world.ts'
import {
  anyGroupInfo,
  anyWelcome,
  type Opened,
  openWelcome,
  resignedGroupInfo,
  welcomeMessage,
} from '../world/inviting.ts'
import { anyEntry } from '../world/proposing.ts'
import { NOW, suiteOf } from '../world/scene.ts'

async function checkSound(state: GroupState, signer: Parameters<typeof createCommit>[1]['signer'], services: Services) {
  const bytes = encodeGroupState(state)
  const { suite, profile, tree, context } = state
  demand(
    equalBytes(encodeGroupState(decodeGroupState(bytes, { suite, profile, tree })), bytes),
    'a state is not stored well',
  )
  const { groupId, extensions, treeHash } = context
  try {
    await validateRatchetTree(suite, tree, { groupId, groupExtensions: extensions, treeHash, now: NOW })
  } catch (error) {
    throw new Finding('a joined group has a tree that is not valid', { cause: error })
  }
  try {
    const { child } = await createCommit(state, { signer }, services)
    demand(decodeGroupState(encodeGroupState(child), child).context.epoch === child.context.epoch, 'an epoch wraps')
  } catch (error) {
    if (error instanceof Finding) throw error
    if (refusal(error).includes('epochs_exhausted')) return
    // what the joiner lacks is its own affair; what the group lacks is not
    throw new Finding('a joined group cannot be committed in', { cause: error })
  }
}

async function tryWelcome(world: GroupWorld, opened: Opened, tape: Tape): Promise<string> {
  const { suite, hank } = world
  let bytes: Uint8Array
  try {
    const made = mlsMessageBytes(welcomeMessage(await anyWelcome(world, opened, tape)))
    bytes = tape.once(8) ? mutateBytes(made, tape, world.donors.byteStrings) : made
  } catch {
    return 'not made'
  }
  const keys = [hank.bundle.initPrivateKey.slice(), hank.bundle.encryptionPrivateKey.slice()] as const
  const [bob] = world.receivers
  const previous = tape.once(4) ? { previous: bob?.state as GroupState } : {}
  let state: GroupState
  try {
    const message = decodeMlsMessage(bytes)
    if (message.wireFormat !== 'mls_welcome') return 'another message'
    const { welcome } = message
    const options: JoinOptions = { profile: mlsProfile, suite, welcome, keyPackages: [hank.bundle], ...previous }
    state = (await joinGroup(options, hank.person.services)).state
  } catch (error) {
    return refusal(error)
  } finally {
    demand(equalBytes(keys[0], hank.bundle.initPrivateKey), 'joining changed the init key')
    demand(equalBytes(keys[1], hank.bundle.encryptionPrivateKey), 'joining changed the leaf key')
  }
  await checkSound(state, hank.person.signer, hank.person.services)
  return 'joined'
}

async function tryGroupInfo(world: GroupWorld, tape: Tape): Promise<string> {
  const { suite } = world
  let bytes: Uint8Array
  try {
    const changed = await anyGroupInfo(world, world.groupInfo, tape)
    const groupInfo = tape.once(8) ? changed : await resignedGroupInfo(world, changed)
    const made = mlsMessageBytes({ wireFormat: 'mls_group_info', groupInfo })
    bytes = tape.once(8) ? mutateBytes(made, tape, world.donors.byteStrings) : made
  } catch {
    return 'not made'
  }
  const returns = tape.once(3)
  const { person } = returns ? world.mallory : tape.pick(world.sybils)
  const leaf = world.mallory.state.tree.leaf(world.mallory.state.ownLeaf)
  const psk = tape.once(4) ? await anyEntry(world, tape) : undefined
  const psks = psk?.type === 'proposal' && psk.proposal.proposalType === 'psk' ? { psks: [psk.proposal.psk] } : {}
  const selfRemoves = tape.once(3) ? { selfRemoves: world.messages.filter((_, i) => i % 5 === tape.below(5)) } : {}
  let state: GroupState
  try {
    const groupInfo = groupInfoOf(bytes)
    if (groupInfo === undefined) return 'another message'
    const { credential, capabilities } = leaf ?? {}
    if (credential === undefined || capabilities === undefined) throw new Error('mallory has no leaf')
    const own = { credential, capabilities, signer: person.signer, ...(returns ? { resync: tape.below(6) } : {}) }
    const options = { profile: mlsProfile, suite, groupInfo, ...own, ...psks, ...selfRemoves }
    state = (await joinExternally(options, person.services)).state
  } catch (error) {
    return refusal(error)
  }
  await checkSound(state, person.signer, person.services)
  return returns ? 'returned' : 'joined'
}

function groupInfoOf(bytes: Uint8Array): GroupInfo | undefined {
  const message = decodeMlsMessage(bytes)
  return message.wireFormat === 'mls_group_info' ? message.groupInfo : undefined
}

export const welcomes: Target = {
  name: 'welcomes',
  tapeMax: 160,
  quickRuns: 300,
  open: async () => {
    const world = await groupWorld({ profile: mlsProfile, suite: suiteOf(1) })
    const opened = await openWelcome(world)
    return (tape) => tryWelcome(world, opened, tape)
  },
}

export const groupInfos: Target = {
  name: 'group-infos',
  tapeMax: 160,
  quickRuns: 300,
  open: async () => {
    const world = await groupWorld({ profile: mlsProfile, suite: suiteOf(1) })
    return (tape) => tryGroupInfo(world, tape)
  },
}
