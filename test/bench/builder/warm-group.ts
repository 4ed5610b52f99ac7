/**
 * A group of any size whose tree is fully populated, and two members of it who can act and let in those who are measured.
 * Everybody else exists as a leaf only; where a measurement needs a message of theirs, a state of the epoch makes it,
 * because the secret tree of an epoch belongs to all.
 *
 * Each newcomer is let in by its neighbour, whose path then covers all that the newcomer's does: nobody is left unmerged
 * anywhere, which ts-mls 1.6.4 would take for an invalid tree.
 */
import type { CipherSuite, KeyPair, RandomSource, Signer } from '@dmls/crypto'
import { systemRandom } from '@dmls/crypto'
import {
  createCommit,
  createGroup,
  createSecretTree,
  decodeMlsMessage,
  decodeRatchetTreeBytes,
  defaultCapabilities,
  directPath,
  type Extension,
  type GroupState,
  groupContextBytes,
  type KeyPackage,
  leafToNode,
  type MlsMessage,
  mlsMessageBytes,
  type Profile,
  processMessage,
  type Services,
} from '@dmls/mls'
import { asSigner } from './synthetic-keys.ts'
import { buildWarmTree, memberIdentity, memberSigner } from './warm-tree.ts'

/** Seconds since the Unix epoch when the benchmark began: other libraries compare lifetimes with the clock. */
export const NOW = BigInt(Math.floor(Date.now() / 1000))
export const LIFETIME = { notBefore: NOW - 3600n, notAfter: NOW + 90n * 86_400n }

export const services: Services = { random: systemRandom, now: NOW, authenticate: async () => undefined }

export interface WarmGroupOptions {
  readonly suite: CipherSuite
  readonly profile: Profile
  /** Members once the newcomers are in. At least 8. */
  readonly size: number
  /** Where newcomers will sit; the leaf to the left of each is one who can act. */
  readonly newcomers: readonly number[]
  /** GroupContext extensions. */
  readonly extensions?: readonly Extension[]
}

/** A member who can act. */
export interface Actor {
  readonly state: GroupState
  readonly signer: Signer
}

/**
 * Where the two members that are measured sit: in neighbouring quarters of the tree, so that one of them derives two path
 * keys from the other's commit. That is the mean over all pairs.
 */
export function measuredLeaves(size: number): readonly [number, number] {
  let leafCount = 1
  while (leafCount < size) leafCount *= 2
  return [1, 1 + leafCount / 4]
}

/** The neighbours of the newcomers, in one epoch of a warm group. */
export async function buildWarmGroup(options: WarmGroupOptions): Promise<readonly Actor[]> {
  const { suite, profile, size, newcomers, extensions = [] } = options
  const groupId = systemRandom(32)
  const own = newcomers.map((leafIndex) => leafIndex - 1)
  const first = own[0] as number
  const signer = asSigner(memberSigner(first))
  const credential = { credentialType: 'basic', identity: memberIdentity(first) } as const
  const capabilities = defaultCapabilities(suite.id, 1, extensions)
  const leaf = { credential, capabilities }
  const fixed = { lifetime: LIFETIME, extensions, grease: 'omit' } as const
  const alone = await createGroup({ profile, suite, groupId, signer, leaf, ...fixed }, services)
  const keyPairs = await keysOfPaths(suite, own, size)
  const encryptionKeys = new Map([...keyPairs].map(([node, keys]) => [node, keys.publicKey]))
  const members = size - newcomers.length
  const warm = buildWarmTree({ suite, groupId, members, holes: newcomers, encryptionKeys, capabilities })
  const tree = decodeRatchetTreeBytes(suite, warm.bytes)
  const context = { ...alone.context, treeHash: warm.treeHash, epoch: BigInt(size) }
  const contextBytes = groupContextBytes(context)
  const encryptionSecret = systemRandom(suite.hashSize)
  return own.map((ownLeaf) => ({
    signer: asSigner(memberSigner(ownLeaf)),
    state: {
      ...alone,
      context,
      contextBytes,
      tree,
      ownLeaf,
      keys: new Map(
        [leafToNode(ownLeaf), ...directPath(leafToNode(ownLeaf), tree.leafCount)]
          .filter((node) => tree.encryptionKey(node) !== undefined)
          .map((node) => [node, (keyPairs.get(node) as KeyPair).privateKey]),
      ),
      secretTree: createSecretTree(suite, encryptionSecret, tree.leafCount),
    },
  }))
}

/** A key pair for every node above the leaves, and for the leaves. */
async function keysOfPaths(
  suite: CipherSuite,
  leaves: readonly number[],
  size: number,
): Promise<ReadonlyMap<number, KeyPair>> {
  const keys = new Map<number, KeyPair>()
  for (const leaf of leaves) {
    const node = leafToNode(leaf)
    for (const index of [node, ...directPath(node, size)]) {
      if (!keys.has(index)) keys.set(index, await suite.generateHpkeKeyPair(systemRandom))
    }
  }
  return keys
}

export interface Added {
  readonly actor: Actor
  readonly commit: MlsMessage
  /** Encoded. */
  readonly welcome: Uint8Array
}

/** An actor's commit that adds the owners of key packages, and the actor after it. */
export async function addMembers(
  { state, signer }: Actor,
  keyPackages: readonly Uint8Array[],
  random: RandomSource = systemRandom,
): Promise<Added> {
  const proposals = keyPackages.map((bytes) => ({ proposalType: 'add', keyPackage: readKeyPackage(bytes) }) as const)
  const options = { signer, proposals, welcome: { grease: 'omit' } } as const
  const made = await createCommit(state, options, { ...services, random })
  if (made.welcome === undefined) throw new Error('a commit that adds somebody makes a Welcome')
  return { actor: { state: made.child, signer }, commit: made.message, welcome: mlsMessageBytes(made.welcome) }
}

/** An actor after the commit of another. */
export async function follow({ state, signer }: Actor, commit: MlsMessage): Promise<Actor> {
  const processed = await processMessage(state, commit, services)
  if (processed.kind !== 'commit' || processed.child === undefined) throw new Error('not a commit for this member')
  return { state: processed.child, signer }
}

export function readKeyPackage(bytes: Uint8Array): KeyPackage {
  const message = decodeMlsMessage(bytes)
  if (message.wireFormat !== 'mls_key_package') throw new Error('not a key package')
  return message.keyPackage
}
