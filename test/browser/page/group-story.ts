/** Plain RFC 9420: alice makes a group of three, bob commits, charlie speaks, all of them arrive at the same epoch. */
import { type CipherSuite, equalBytes, fromUtf8, systemRandom, utf8 } from '@dmls/crypto'
import {
  type CommitCreated,
  createCommit,
  createGroup,
  createKeyPackage,
  type GroupState,
  joinGroup,
  type KeyPackageBundle,
  type MlsMessage,
  mlsProfile,
  processMessage,
  protectApplication,
} from '@dmls/mls'

const NOW = 1_700_000_000n
const lifetime = { notBefore: NOW - 3600n, notAfter: NOW + 86_400n }
const services = { random: systemRandom, now: NOW, authenticate: async () => undefined }

type Expect = (holds: boolean, what: string) => void

async function keyPackageOf(suite: CipherSuite, name: string) {
  const { privateKey } = await suite.generateSignatureKeyPair(systemRandom)
  const signer = await suite.importSigner(privateKey)
  const credential = { credentialType: 'basic', identity: utf8(name) } as const
  return { signer, credential, bundle: await createKeyPackage({ suite, signer, credential, lifetime }, services) }
}

async function join(suite: CipherSuite, { welcome }: CommitCreated, bundle: KeyPackageBundle): Promise<GroupState> {
  if (welcome?.wireFormat !== 'mls_welcome') throw new Error('no Welcome was made')
  const options = { profile: mlsProfile, suite, welcome: welcome.welcome, keyPackages: [bundle] }
  return (await joinGroup(options, services)).state
}

async function follow(state: GroupState, message: MlsMessage): Promise<GroupState> {
  const processed = await processMessage(state, message, services)
  if (processed.kind !== 'commit' || processed.child === undefined) throw new Error('no commit to follow')
  return processed.child
}

export async function tellGroupStory(suite: CipherSuite, expect: Expect): Promise<{ readonly keyPackage: MlsMessage }> {
  const [alice, bob, charlie] = await Promise.all(['alice', 'bob', 'charlie'].map((name) => keyPackageOf(suite, name)))
  if (alice === undefined || bob === undefined || charlie === undefined) throw new Error('nobody is here')
  const group = { profile: mlsProfile, suite, groupId: utf8('in a browser'), lifetime }
  const leaf = { credential: alice.credential }
  const created = await createGroup({ ...group, signer: alice.signer, leaf }, services)
  const proposals = [bob, charlie].map(
    ({ bundle }) => ({ proposalType: 'add', keyPackage: bundle.keyPackage }) as const,
  )
  const added = await createCommit(created, { signer: alice.signer, proposals }, services)
  const b = await join(suite, added, bob.bundle)
  const c = await join(suite, added, charlie.bundle)

  const updated = await createCommit(b, { signer: bob.signer }, services)
  const [a2, b2, c2] = [await follow(added.child, updated.message), updated.child, await follow(c, updated.message)]
  const authenticator = a2.secrets.epochAuthenticator
  expect(
    [b2, c2].every(({ secrets }) => equalBytes(secrets.epochAuthenticator, authenticator)),
    'alice, bob and charlie are not in one epoch',
  )

  const sent = await protectApplication(c2, utf8('hello'), { signer: charlie.signer }, services)
  for (const state of [a2, b2]) {
    const heard = await processMessage(state, sent.message, services)
    expect(heard.kind === 'application' && fromUtf8(heard.applicationData) === 'hello', 'what charlie said is lost')
  }
  return { keyPackage: { wireFormat: 'mls_key_package', keyPackage: bob.bundle.keyPackage } }
}
