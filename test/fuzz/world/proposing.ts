/** Proposals that mallory makes: of every type, well-formed and signed, with or without something wrong in them. */
import { utf8 } from '@dmls/crypto'
import type { Extension, LeafNode, PreSharedKeyId, Proposal, ProposalOrRef, Psk } from '@dmls/mls'
import { defaultCapabilities } from '@dmls/mls'
import type { Tape } from '../engine/tape.ts'
import { mutateValue } from '../engine/value-mutation.ts'
import type { AttackWorld } from './group-world.ts'
import { resignedProposal } from './resigning.ts'
import { COMPONENT, CUSTOM, CUSTOM_WITH_PATH, KNOWN_PSK, PRIVATE_EXTENSION, REFUSED_IDENTITY } from './scene.ts'

/** A proposal of a type that the tape picks. */
export async function anyProposal(world: AttackWorld, tape: Tape): Promise<Proposal> {
  const made = await wellFormed(world, tape)
  const proposal = tape.once(3) ? mutateValue(made, tape, world.donors) : made
  return resignedProposal(world, proposal, world.mallory.state.ownLeaf, tape)
}

/** What a commit lists: proposals by value, references to what waits, and references to nothing. */
export async function anyEntry(world: AttackWorld, tape: Tape): Promise<ProposalOrRef> {
  const waiting = [...world.mallory.state.proposals.values()]
  switch (tape.below(8)) {
    case 1:
    case 2:
    case 3:
      return { type: 'reference', reference: tape.pick(waiting).reference }
    case 4:
      return { type: 'reference', reference: tape.random()(tape.once(4) ? 0 : world.suite.hashSize) }
    default:
      return { type: 'proposal', proposal: await anyProposal(world, tape) }
  }
}

async function wellFormed(world: AttackWorld, tape: Tape): Promise<Proposal> {
  switch (tape.below(12)) {
    case 0:
      return { proposalType: 'custom', type: tape.pick([CUSTOM, CUSTOM_WITH_PATH, 0xf003]), body: tape.take(2) }
    case 1:
      return { proposalType: 'add', keyPackage: tape.pick(world.sybils).bundle.keyPackage }
    case 2:
      return { proposalType: 'update', leafNode: await updatedLeaf(world, tape) }
    case 3:
      return { proposalType: 'remove', removed: tape.once(8) ? tape.uint32() : tape.below(9) }
    case 4:
      return { proposalType: 'psk', psk: pskId(world, tape) }
    case 5:
      return reinit(world, tape)
    case 6:
      return { proposalType: 'external_init', kemOutput: tape.random()(32) }
    case 7:
      return { proposalType: 'group_context_extensions', extensions: contextExtensions(world, tape) }
    case 8:
      return { proposalType: 'self_remove' }
    case 9:
      return {
        proposalType: 'app_data_update',
        componentId: tape.pick([COMPONENT, COMPONENT, 0x8002, 1]),
        update: tape.once(2) ? undefined : tape.take(2),
      }
    case 10:
      return { proposalType: 'app_ephemeral', componentId: tape.pick([COMPONENT, COMPONENT, 0]), data: tape.take(2) }
    default: {
      const waiting = [...world.mallory.state.proposals.values()]
      return tape.pick(waiting).proposal
    }
  }
}

async function updatedLeaf(world: AttackWorld, tape: Tape): Promise<LeafNode> {
  const { mallory, suite } = world
  const current = mallory.state.tree.leaf(mallory.state.ownLeaf) as LeafNode
  const { publicKey } = await suite.generateHpkeKeyPair(tape.random())
  return { ...current, encryptionKey: publicKey, source: { leafNodeSource: 'update' } }
}

/** Of every kind, known or not. */
export function pskId(world: AttackWorld, tape: Tape): PreSharedKeyId {
  const { groupId, epoch } = world.groupInfo.groupContext
  const usage = tape.pick(['application', 'application', 'reinit', 'branch'] as const)
  const psk: Psk = tape.pick([
    { pskType: 'external', pskId: KNOWN_PSK },
    { pskType: 'external', pskId: utf8('unknown') },
    { pskType: 'application', componentId: COMPONENT, pskId: KNOWN_PSK },
    { pskType: 'resumption', usage, pskGroupId: groupId, pskEpoch: epoch - BigInt(tape.below(3)) },
    { pskType: 'resumption', usage, pskGroupId: utf8('another group'), pskEpoch: epoch },
  ] as const)
  return { psk, pskNonce: tape.random()(world.suite.hashSize) }
}

function reinit(world: AttackWorld, tape: Tape): Proposal {
  return {
    proposalType: 'reinit',
    groupId: utf8('the next group'),
    version: tape.pick([1, 0, 2]),
    cipherSuite: tape.pick([world.suite.id, 2, 7, 0xff]),
    extensions: contextExtensions(world, tape),
  }
}

/** The group's extensions, changed somewhere: a new value, a type twice, one that somebody lacks, damaged content. */
export function contextExtensions(world: AttackWorld, tape: Tape): readonly Extension[] {
  const { extensions } = world.groupInfo.groupContext
  const own = { extensionType: PRIVATE_EXTENSION, extensionData: tape.random()(4) }
  switch (tape.below(6)) {
    case 0:
      return extensions.map((extension) => (extension.extensionType === PRIVATE_EXTENSION ? own : extension))
    case 1:
      return [...extensions, own]
    case 2:
      return [
        ...extensions,
        { extensionType: tape.pick([1, 2, 4, 0xff02, 0xff03, 0x0a0a]), extensionData: tape.take(3) },
      ]
    case 3:
      return extensions.map((extension) =>
        tape.once(3) ? { ...extension, extensionData: tape.take(tape.below(8)) } : extension,
      )
    case 4:
      return extensions.filter(() => !tape.once(3))
    default:
      return mutateValue(extensions, tape, world.donors)
  }
}

/** A new leaf's content for mallory's path; the tape decides what is odd about it. */
export function anyLeafContent(
  world: AttackWorld,
  tape: Tape,
): Pick<LeafNode, 'credential' | 'capabilities' | 'extensions'> {
  const { mallory, suite } = world
  const { credential, capabilities, extensions } = mallory.state.tree.leaf(mallory.state.ownLeaf) as LeafNode
  const leaf = { credential, capabilities, extensions }
  switch (tape.below(12)) {
    case 8:
      return { ...leaf, credential: { credentialType: 'basic', identity: REFUSED_IDENTITY } }
    case 9:
      return { ...leaf, credential: { credentialType: 'other', type: 0xf00c, content: tape.take(2) } }
    case 10:
      return { ...leaf, capabilities: defaultCapabilities(suite.id, 1, []) }
    case 11:
      return mutateValue(leaf, tape, world.donors)
    default:
      return leaf
  }
}
