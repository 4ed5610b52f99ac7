/** Alice, bob and charlie: clients with keys, a clock that stands still, and an Authentication Service that says yes. */
import { type CipherSuite, type RandomSource, type Signer, systemRandom, utf8 } from '@dmls/crypto'
import {
  createCommit,
  createGroup,
  createKeyPackage,
  type GroupState,
  joinGroup,
  type KeyPackageBundle,
  type KeyPackageOptions,
  type Lifetime,
  MlsError,
  type MlsMessage,
  mlsProfile,
  type Processed,
  type ProcessedCommit,
  type Profile,
  processMessage,
  type Services,
} from '../../src/index.ts'
import { suite as defaultSuite } from '../suites.ts'

export const NOW = 1_700_000_000n
export const LIFETIME: Lifetime = { notBefore: NOW - 3600n, notAfter: NOW + 86_400n * 90n }

export interface Person {
  readonly name: string
  readonly suite: CipherSuite
  readonly signer: Signer
  readonly services: Services
}

export interface World {
  readonly suite?: CipherSuite
  readonly random?: RandomSource
}

export async function person(name: string, world: World = {}): Promise<Person> {
  const { suite = defaultSuite, random = systemRandom } = world
  const keys = await suite.generateSignatureKeyPair(random)
  const signer = await suite.importSigner(keys.privateKey)
  return { name, suite, signer, services: { random, now: NOW, authenticate: async () => undefined } }
}

/** Another signature key for the same person. */
export async function newSigner(of: Person): Promise<Signer> {
  const keys = await of.suite.generateSignatureKeyPair(systemRandom)
  return of.suite.importSigner(keys.privateKey)
}

export function credentialOf(name: string): { credentialType: 'basic'; identity: Uint8Array } {
  return { credentialType: 'basic', identity: utf8(name) }
}

export function keyPackageOf(of: Person, options: Partial<KeyPackageOptions> = {}): Promise<KeyPackageBundle> {
  const { suite, signer, services } = of
  const credential = credentialOf(of.name)
  return createKeyPackage({ suite, signer, credential, lifetime: LIFETIME, ...options }, services)
}

export interface GroupSettings {
  readonly profile?: Profile
  readonly groupId?: Uint8Array
  readonly extensions?: Parameters<typeof createGroup>[0]['extensions']
  readonly leaf?: Partial<Parameters<typeof createGroup>[0]['leaf']>
}

export function groupOf(creator: Person, settings: GroupSettings = {}): Promise<GroupState> {
  const { suite, signer, services, name } = creator
  const { profile = mlsProfile, groupId = utf8('group'), extensions = [] } = settings
  const leaf = { credential: credentialOf(name), ...settings.leaf }
  return createGroup({ profile, suite, groupId, signer, leaf, lifetime: LIFETIME, extensions }, services)
}

/** Joins by the Welcome in a message; the tree is inside. */
export async function join(
  of: Person,
  welcome: MlsMessage | undefined,
  bundle: KeyPackageBundle,
  profile: Profile = mlsProfile,
): Promise<GroupState> {
  if (welcome?.wireFormat !== 'mls_welcome') throw new Error('there is no Welcome')
  const options = { profile, suite: of.suite, welcome: welcome.welcome, keyPackages: [bundle] }
  return (await joinGroup(options, of.services)).state
}

export function receive(of: Person, state: GroupState, message: MlsMessage): Promise<Processed> {
  return processMessage(state, message, of.services)
}

export async function receiveCommit(of: Person, state: GroupState, message: MlsMessage): Promise<ProcessedCommit> {
  const processed = await receive(of, state, message)
  if (processed.kind !== 'commit') throw new Error(`expected a commit, not ${processed.kind}`)
  return processed
}

/** The child of a commit that does not remove us. */
export async function follow(of: Person, state: GroupState, message: MlsMessage): Promise<GroupState> {
  const { child } = await receiveCommit(of, state, message)
  if (child === undefined) throw new Error('the commit removes its receiver')
  return child
}

/** The state after a proposal has been received. */
export async function hear(of: Person, state: GroupState, message: MlsMessage): Promise<GroupState> {
  const processed = await receive(of, state, message)
  if (processed.kind !== 'proposal') throw new Error(`expected a proposal, not ${processed.kind}`)
  return processed.state
}

export interface Trio {
  readonly alice: Person
  readonly bob: Person
  readonly charlie: Person
  /** Their states, all of one epoch. */
  readonly a: GroupState
  readonly b: GroupState
  readonly c: GroupState
}

/** A group that alice created and to which she added bob and charlie: leaves 0, 1 and 2. */
export async function trio(settings: GroupSettings & World = {}): Promise<Trio> {
  const alice = await person('alice', settings)
  const bob = await person('bob', settings)
  const charlie = await person('charlie', settings)
  const { capabilities } = settings.leaf ?? {}
  const theirs = capabilities === undefined ? {} : { capabilities }
  const bobs = await keyPackageOf(bob, theirs)
  const charlies = await keyPackageOf(charlie, theirs)
  const proposals = [bobs, charlies].map(({ keyPackage }) => ({ proposalType: 'add', keyPackage }) as const)
  const group = await groupOf(alice, settings)
  const added = await createCommit(group, { signer: alice.signer, proposals }, alice.services)
  const b = await join(bob, added.welcome, bobs, settings.profile)
  const c = await join(charlie, added.welcome, charlies, settings.profile)
  return { alice, bob, charlie, a: added.child, b, c }
}

/** The code of the MlsError that a promise is refused with. */
export async function codeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
  } catch (error) {
    if (error instanceof MlsError) return error.code
    throw error
  }
  return 'accepted'
}
