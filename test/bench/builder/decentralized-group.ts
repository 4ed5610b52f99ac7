/**
 * A large group of the decentralized profile with one member who can act, Alice at leaf 0. She can also speak for the
 * others, who are only leaves: the secret tree of an epoch belongs to all.
 */
import { type CipherSuite, type Signer, systemRandom, toHex } from '@dmls/crypto'
import {
  createDmlsGroup,
  createDmlsProfile,
  Dag,
  DEFAULT_GROUP_POLICY,
  type DmlsGroupState,
  type DmlsServices,
  encodeApplicationContent,
  encodeAuthenticatedData,
  encodeDmlsMessage,
  epochOf,
  headGroup,
  identifierBytes,
  instanceId,
  leafOptions,
  policyExtension,
  type RosterMember,
} from '@dmls/dmls'
import { type Credential, type GroupState, leafNodeBytes, protectApplication } from '@dmls/mls'
import { asSigner } from './synthetic-keys.ts'
import { buildWarmGroup, LIFETIME, NOW, services } from './warm-group.ts'
import { memberIdentity, memberSigner } from './warm-tree.ts'

export const NOW_MS = Number(NOW) * 1000
/** Leaf that stays blank for a newcomer, next to Alice. */
export const NEWCOMER_LEAF = 1

export function identityOf(credential: Credential): Uint8Array {
  if (credential.credentialType !== 'basic') throw new Error('all credentials here are basic')
  return credential.identity
}

export function servicesOf(signer: Signer): DmlsServices {
  return {
    random: systemRandom,
    nowMs: NOW_MS,
    authenticate: services.authenticate,
    identityOf: ({ credential }) => identityOf(credential),
    signerFor: () => signer,
  }
}

export interface Alice {
  readonly state: DmlsGroupState
  readonly services: DmlsServices
}

/** `size` members once somebody has taken {@link NEWCOMER_LEAF}. */
export async function decentralizedGroup(suite: CipherSuite, size: number): Promise<Alice> {
  const profile = createDmlsProfile()
  const extensions = [policyExtension(DEFAULT_GROUP_POLICY)]
  const [actor] = await buildWarmGroup({ suite, profile, size, newcomers: [NEWCOMER_LEAF], extensions })
  if (actor === undefined) throw new Error('nobody can act')
  const services = servicesOf(actor.signer)
  const alone = await createDmlsGroup(
    {
      profile,
      suite,
      groupId: actor.state.context.groupId,
      signer: actor.signer,
      leaf: leafOptions(suite, { credentialType: 'basic', identity: memberIdentity(0) }),
      lifetime: LIFETIME,
      policy: DEFAULT_GROUP_POLICY,
    },
    services,
  )
  const group = actor.state
  const id = epochOf(group)
  const roster = [...group.tree.members()].map(
    ({ leafIndex, leafNode }): RosterMember => ({
      instance: instanceId(suite.hash(leafNodeBytes(leafNode))),
      identity: toHex(identityOf(leafNode.credential)),
      leafIndex,
    }),
  )
  const root = alone.changes.facts[0]
  if (root === undefined) throw new Error('a new group has a root')
  const facts = { ...root, id, epoch: group.context.epoch, roster }
  return {
    services,
    state: {
      ...alone.state,
      self: (roster[0] as RosterMember).instance,
      dag: Dag.empty().insert(facts),
      epochs: new Map([[id, { stage: 'open', group, supersededAtMs: undefined }]]),
      home: id,
      head: id,
    },
  }
}

/** A first message of somebody in the head epoch, encoded; the state is not changed. */
export async function firstMessageOf(state: DmlsGroupState, leafIndex: number, data: Uint8Array): Promise<Uint8Array> {
  const group: GroupState = { ...headGroup(state), ownLeaf: leafIndex }
  const sent = await protectApplication(
    group,
    encodeApplicationContent({ kind: 'application', data }),
    {
      signer: asSigner(memberSigner(leafIndex)),
      authenticatedData: encodeAuthenticatedData({ counter: 1n, resolves: [], application: new Uint8Array(0) }),
    },
    services,
  )
  return encodeDmlsMessage({ message: sent.message, dmlsEpoch: identifierBytes(state.head) })
}
