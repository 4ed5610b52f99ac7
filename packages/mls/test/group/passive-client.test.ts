import { type CipherSuite, equalBytes, systemRandom } from '@dmls/crypto'
import { expect } from 'vitest'
import {
  decodeMlsMessage,
  epochAuthenticator,
  type GroupState,
  joinGroup,
  mlsProfile,
  processMessage,
  referenceOf,
  resumptionPsk,
  type Services,
} from '../../src/index.ts'
import { providers } from '../suites.ts'
import { type ClaimedVector, claimedBy, hex, signaturePrivateKey, vectorTest } from '../vectors.ts'

interface PassiveClient {
  readonly cipher_suite: number
  readonly external_psks: readonly { readonly psk_id: string; readonly psk: string }[]
  readonly key_package: string
  readonly signature_priv: string
  readonly encryption_priv: string
  readonly init_priv: string
  readonly welcome: string
  readonly ratchet_tree: string | null
  readonly initial_epoch_authenticator: string
  readonly epochs: readonly {
    readonly proposals: readonly string[]
    readonly commit: string
    readonly epoch_authenticator: string
  }[]
}

/** The vectors' leaves were made long ago or live forever: lifetimes are not what they test. */
function servicesOf(vector: PassiveClient, epochs: ReadonlyMap<bigint, Uint8Array>): Services {
  const psks = vector.external_psks.map((psk) => ({ id: hex(psk.psk_id), secret: hex(psk.psk) }))
  return {
    random: systemRandom,
    now: 0n,
    authenticate: async () => undefined,
    findPsk: async ({ psk }) => {
      if (psk.pskType === 'external') return psks.find(({ id }) => equalBytes(id, psk.pskId))?.secret
      return psk.pskType === 'resumption' ? epochs.get(psk.pskEpoch) : undefined
    },
    policy: { receivedLifetimes: 'ignore', lifetimeMaxSeconds: 2n ** 64n },
  }
}

async function joinAs(suite: CipherSuite, vector: PassiveClient, services: Services): Promise<GroupState> {
  const keyPackageMessage = decodeMlsMessage(hex(vector.key_package))
  const welcomeMessage = decodeMlsMessage(hex(vector.welcome))
  if (keyPackageMessage.wireFormat !== 'mls_key_package') throw new Error('not a key package')
  if (welcomeMessage.wireFormat !== 'mls_welcome') throw new Error('not a Welcome')
  const { keyPackage } = keyPackageMessage
  expect(await suite.signaturePublicKey(signaturePrivateKey(vector.cipher_suite, vector.signature_priv))).toEqual(
    keyPackage.leafNode.signatureKey,
  )
  // HPKE keys of P-521 lack their leading zeros in the same way
  const hpke = (text: string): Uint8Array => signaturePrivateKey(vector.cipher_suite, text)
  const bundle = {
    keyPackage,
    reference: referenceOf(suite, keyPackage),
    initPrivateKey: hpke(vector.init_priv),
    encryptionPrivateKey: hpke(vector.encryption_priv),
  }
  const tree = vector.ratchet_tree === null ? {} : { ratchetTree: hex(vector.ratchet_tree) }
  const { welcome } = welcomeMessage
  return (await joinGroup({ profile: mlsProfile, suite, welcome, keyPackages: [bundle], ...tree }, services)).state
}

async function followAlong({ suite, vector }: ClaimedVector<PassiveClient>): Promise<void> {
  const resumptionPsks = new Map<bigint, Uint8Array>()
  const services = servicesOf(vector, resumptionPsks)
  let state = await joinAs(suite, vector, services)
  expect(epochAuthenticator(state)).toEqual(hex(vector.initial_epoch_authenticator))
  for (const epoch of vector.epochs) {
    resumptionPsks.set(state.context.epoch, resumptionPsk(state))
    for (const proposal of epoch.proposals) {
      const heard = await processMessage(state, decodeMlsMessage(hex(proposal)), services)
      if (heard.kind !== 'proposal') throw new Error('not a proposal')
      state = heard.state
    }
    const committed = await processMessage(state, decodeMlsMessage(hex(epoch.commit)), services)
    if (committed.kind !== 'commit' || committed.child === undefined) throw new Error('not a commit that we follow')
    state = committed.child
    expect(epochAuthenticator(state)).toEqual(hex(epoch.epoch_authenticator))
  }
}

/** How many entries of each suite a slow provider does where there is no time for all. */
const FEW = 1

for (const provider of providers) {
  vectorTest<PassiveClient>(
    'mls',
    'passive-client-welcome',
    `${provider.name}: a passive client joins by each Welcome`,
    async (vectors) => {
      for (const claimed of claimedBy(provider, vectors, FEW)) await followAlong(claimed)
    },
  )

  vectorTest<PassiveClient>(
    'mls',
    'passive-client-handling-commit',
    `${provider.name}: a passive client follows each commit`,
    async (vectors) => {
      for (const claimed of claimedBy(provider, vectors, FEW)) await followAlong(claimed)
    },
  )

  vectorTest<PassiveClient>(
    'mls',
    'passive-client-random',
    `${provider.name}: a passive client follows random scenarios`,
    async (vectors) => {
      for (const claimed of claimedBy(provider, vectors, FEW)) await followAlong(claimed)
    },
  )
}
