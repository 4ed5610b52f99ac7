/** Validating KeyPackages of strangers: changed anywhere, signed again or not. What is accepted can be added to a group. */

import { equalBytes } from '@dmls/crypto'
import {
  createCommit,
  decodeMlsMessage,
  joinGroup,
  type KeyPackage,
  mlsMessageBytes,
  mlsProfile,
  validateKeyPackage,
} from '@dmls/mls'
import { mutateBytes } from '../engine/byte-mutation.ts'
import type { Tape } from '../engine/tape.ts'
import { demand, Finding, refusal, type Target } from '../engine/target.ts'
import { mutateValue } from '../engine/value-mutation.ts'
import { type GroupWorld, groupWorld } from '../world/group-world.ts'
import { resignedKeyPackage } from '../world/resigning.ts'
import { suiteOf } from '../world/scene.ts'

async function anyKeyPackage(world: GroupWorld, tape: Tape): Promise<Uint8Array> {
  const { bundle } = tape.pick(world.sybils)
  const encoded = (keyPackage: KeyPackage): Uint8Array => mlsMessageBytes({ wireFormat: 'mls_key_package', keyPackage })
  if (tape.once(6)) return mutateBytes(encoded(bundle.keyPackage), tape, world.donors.byteStrings)
  const changed = mutateValue(bundle.keyPackage, tape, world.donors)
  return encoded(tape.once(4) ? changed : await resignedKeyPackage(world, changed))
}

async function tryKeyPackage(world: GroupWorld, tape: Tape): Promise<string> {
  let bytes: Uint8Array
  try {
    bytes = await anyKeyPackage(world, tape)
  } catch {
    return 'not made'
  }
  const goesOn = tape.once(4)
  const { suite } = world
  const [bob] = world.receivers
  if (bob === undefined) throw new Error('bob is not here')
  const { groupId, extensions } = bob.state.context
  const group = tape.once(2) ? { groupId, extensions } : undefined
  let keyPackage: KeyPackage
  try {
    const message = decodeMlsMessage(bytes)
    if (message.wireFormat !== 'mls_key_package') return 'another message'
    keyPackage = message.keyPackage
    await validateKeyPackage(suite, keyPackage, bob.person.services, { group })
  } catch (error) {
    return refusal(error)
  }
  if (group !== undefined && goesOn) await checkAdded(world, keyPackage)
  return group === undefined ? 'valid' : 'valid for the group'
}

/** A KeyPackage that was found good for a group can be added to it, unless its keys are there already. */
async function checkAdded(world: GroupWorld, keyPackage: KeyPackage): Promise<void> {
  const [bob] = world.receivers
  if (bob === undefined) return
  const { tree } = bob.state
  const { signatureKey, encryptionKey } = keyPackage.leafNode
  if (tree.findLeafBySignatureKey(signatureKey) !== undefined || tree.hasEncryptionKey(encryptionKey)) return
  const { signer, services } = bob.person
  const own = world.sybils.find(({ bundle }) => equalBytes(bundle.keyPackage.initKey, keyPackage.initKey))
  let welcome: Awaited<ReturnType<typeof createCommit>>['welcome']
  try {
    const options = { signer, proposals: [{ proposalType: 'add', keyPackage } as const] }
    welcome = (await createCommit(bob.state, options, services)).welcome
  } catch (error) {
    if (refusal(error).includes('credential_not_supported')) return
    throw new Finding('a valid key package cannot be added', { cause: error })
  }
  if (own === undefined || !equalBytes(encryptionKey, own.bundle.keyPackage.leafNode.encryptionKey)) return
  demand(welcome?.wireFormat === 'mls_welcome', 'nobody is welcomed')
  const { initPrivateKey, encryptionPrivateKey } = own.bundle
  const [entry] = welcome.welcome.secrets
  const bundle = { keyPackage, reference: entry?.newMember as Uint8Array, initPrivateKey, encryptionPrivateKey }
  const join = { profile: mlsProfile, suite: world.suite, welcome: welcome.welcome, keyPackages: [bundle] }
  await joinGroup(join, own.person.services)
}

export const keyPackages: Target = {
  name: 'key-packages',
  tapeMax: 128,
  quickRuns: 400,
  open: async () => {
    const world = await groupWorld({ profile: mlsProfile, suite: suiteOf(1) })
    return (tape) => tryKeyPackage(world, tape)
  },
}
