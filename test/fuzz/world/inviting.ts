/**
 * Welcomes and GroupInfos by a member that lies: opened with hank's keys, changed inside, and made consistent again, so
 * that signature, tree hash and confirmation tag fit whatever they now cover.
 */

import { toHex } from '@dmls/crypto'
import {
  confirmationTag,
  decodeRatchetTreeBytes,
  decryptGroupInfo,
  decryptGroupSecrets,
  deriveEpochSecret,
  deriveEpochSecrets,
  derivePskSecret,
  deriveWelcomeSecret,
  type Extension,
  ExtensionType,
  encodeGroupSecrets,
  encodeWhole,
  encryptGroupInfo,
  encryptWithLabel,
  findExtension,
  type GroupInfo,
  type GroupSecrets,
  groupContextBytes,
  type MlsMessage,
  type RatchetTree,
  signGroupInfo,
  type Welcome,
} from '@dmls/mls'
import { mutateBytes } from '../engine/byte-mutation.ts'
import type { Tape } from '../engine/tape.ts'
import { mutateValue } from '../engine/value-mutation.ts'
import type { GroupWorld } from './group-world.ts'
import { pskId } from './proposing.ts'
import { mutateNodes, nodesOf, treeBytesOf } from './tree-nodes.ts'

/** What is inside a Welcome. */
export interface Opened {
  readonly groupInfo: GroupInfo
  readonly secrets: GroupSecrets
}

export async function openWelcome(world: GroupWorld): Promise<Opened> {
  const { suite, welcome, hank } = world
  const [entry] = welcome.secrets
  if (entry === undefined) throw new Error('the Welcome is for nobody')
  const { encryptedGroupInfo } = welcome
  const { initPrivateKey } = hank.bundle
  const secrets = await decryptGroupSecrets(suite, initPrivateKey, encryptedGroupInfo, entry.encryptedGroupSecrets)
  const welcomeSecret = deriveWelcomeSecret(suite, secrets.joinerSecret, derivePskSecret(suite, []))
  return { secrets, groupInfo: decryptGroupInfo(suite, welcomeSecret, encryptedGroupInfo) }
}

function withTree(extensions: readonly Extension[], tree: Uint8Array): Extension[] {
  return extensions.map((extension) =>
    extension.extensionType === ExtensionType.ratchetTree ? { ...extension, extensionData: tree } : extension,
  )
}

/** The tree hash of an encoded tree, if it is one. */
function treeHashOf(world: GroupWorld, bytes: Uint8Array): Uint8Array | undefined {
  try {
    return decodeRatchetTreeBytes(world.suite, bytes).treeHash()
  } catch {
    return undefined
  }
}

/** A GroupInfo with something wrong in it, its tree hash made to fit. Not signed again yet. */
export async function anyGroupInfo(world: GroupWorld, original: GroupInfo, tape: Tape): Promise<GroupInfo> {
  const included = findExtension(original.extensions, ExtensionType.ratchetTree)
  const { groupContext, extensions } = original
  switch (tape.below(6)) {
    case 0:
      return original
    case 1:
    case 2: {
      if (included === undefined) return original
      const around = { donors: world.donors, groupId: groupContext.groupId, ownSigners: world.allSigners }
      const tree = treeBytesOf(await mutateNodes(nodesOf(included), tape, around))
      const treeHash = tape.once(5) ? undefined : treeHashOf(world, tree)
      const changed = treeHash === undefined ? groupContext : { ...groupContext, treeHash }
      return { ...original, groupContext: changed, extensions: withTree(extensions, tree) }
    }
    case 3:
      return { ...original, groupContext: mutateValue(groupContext, tape, world.donors) }
    case 4: {
      if (included === undefined) return original
      const tree = mutateBytes(included, tape, world.donors.byteStrings)
      return { ...original, extensions: withTree(extensions, tree) }
    }
    default:
      return mutateValue(original, tape, world.donors)
  }
}

/** Signed by whoever sits at the leaf that it names, if anybody does. */
export async function resignedGroupInfo(world: GroupWorld, groupInfo: GroupInfo): Promise<GroupInfo> {
  const included = findExtension(groupInfo.extensions, ExtensionType.ratchetTree)
  let tree: RatchetTree | undefined
  try {
    tree = included === undefined ? world.mallory.state.tree : decodeRatchetTreeBytes(world.suite, included)
  } catch {
    return groupInfo
  }
  const leaf = tree.leaf(groupInfo.signer)
  const signer = leaf === undefined ? undefined : world.allSigners.get(toHex(leaf.signatureKey))
  return signer === undefined ? groupInfo : signGroupInfo(signer, groupInfo)
}

/** A Welcome for hank. */
export async function anyWelcome(world: GroupWorld, opened: Opened, tape: Tape): Promise<Welcome> {
  const { suite, welcome, hank } = world
  if (tape.once(8)) return mutateValue(welcome, tape, world.donors)
  const injected = tape.once(4) ? { ...opened.secrets, psks: [pskId(world, tape)] } : opened.secrets
  const secrets = tape.once(3) ? mutateValue(injected, tape, world.donors) : injected
  const changed = await anyGroupInfo(world, opened.groupInfo, tape)
  const psks = []
  for (const id of secrets.psks) {
    const secret = await world.findPsk({ psk: id.psk, context: undefined })
    if (secret !== undefined) psks.push({ id, secret })
  }
  const pskSecret = derivePskSecret(suite, psks)
  const contextBytes = groupContextBytes(changed.groupContext)
  const epochSecret = deriveEpochSecret(suite, secrets.joinerSecret, pskSecret, contextBytes)
  const { confirmationKey } = deriveEpochSecrets(suite, epochSecret)
  const tag = confirmationTag(suite, confirmationKey, changed.groupContext.confirmedTranscriptHash)
  const tagged = tape.once(8) ? changed : { ...changed, confirmationTag: tag }
  const groupInfo = tape.once(8) ? tagged : await resignedGroupInfo(world, tagged)
  const welcomeSecret = deriveWelcomeSecret(suite, secrets.joinerSecret, pskSecret)
  const encryptedGroupInfo = encryptGroupInfo(suite, welcomeSecret, groupInfo)
  const { keyPackage, reference } = hank.bundle
  const random = tape.random()
  const plaintext = encodeWhole(secrets, encodeGroupSecrets)
  const encrypted = await encryptWithLabel(suite, keyPackage.initKey, 'Welcome', encryptedGroupInfo, plaintext, random)
  const entry = { newMember: reference, encryptedGroupSecrets: encrypted }
  const cipherSuite = tape.once(16) ? tape.uint16() : suite.id
  return { cipherSuite, secrets: tape.once(16) ? [entry, entry] : [entry], encryptedGroupInfo }
}

export function welcomeMessage(welcome: Welcome): MlsMessage {
  return { wireFormat: 'mls_welcome', welcome }
}
