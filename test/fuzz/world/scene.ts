/**
 * The clients that inputs are tried on, and the rules of their application: every feature switched on, so that every
 * check has something to look at. Everything is decided by fixed seeds.
 */
import { type CipherSuite, concatBytes, equalBytes, type RandomSource, type Signer, utf8 } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import {
  type AppComponent,
  appDataDictionaryExtension,
  type Capabilities,
  type CustomProposalRule,
  type Extension,
  externalSendersExtension,
  type GroupPolicy,
  type KeyPackageBundle,
  type KeyPackageOptions,
  requiredCapabilitiesExtension,
  type Services,
} from '@dmls/mls'
import { credentialOf, keyPackageOf, NOW, type Person } from '../../../packages/mls/test/group/people.ts'
import { Seeded, seededBytes } from '../engine/seeded.ts'

export { NOW } from '../../../packages/mls/test/group/people.ts'

export const CUSTOM = 0xf001
export const CUSTOM_WITH_PATH = 0xf002
export const COMPONENT = 0x8001
export const PRIVATE_EXTENSION = 0xff01
export const KNOWN_PSK = utf8('known')
export const REFUSED_IDENTITY = utf8('refused')

const customProposals: ReadonlyMap<number, CustomProposalRule> = new Map<number, CustomProposalRule>([
  [
    CUSTOM,
    {
      pathRequired: false,
      externalSenders: true,
      externalCommits: true,
      validate: (body) => {
        if (body[0] === 0xff) throw new Error('the application does not like this body')
      },
    },
  ],
  [CUSTOM_WITH_PATH, { pathRequired: true, externalSenders: false }],
])

const appComponents: ReadonlyMap<number, AppComponent> = new Map([
  [
    COMPONENT,
    {
      update: (current, updates) => {
        if (updates.some((update) => update[0] === 0xff)) throw new Error('the application does not like this update')
        return concatBytes(current ?? new Uint8Array(0), ...updates).slice(0, 64)
      },
      checkEphemeral: (data) => {
        if (data[0] === 0xff) throw new Error('the application does not like these data')
      },
    },
  ],
])

export const policy: Partial<GroupPolicy> = {
  newMemberProposals: 'all',
  externalCommits: 'all',
  cachedProposalsMax: 64,
  secretTreeLimits: { forwardMax: 20, keptMax: 8 },
  customProposals,
  appComponents,
}

export function servicesWith(random: RandomSource, pskOf: Services['findPsk']): Services {
  return {
    random,
    now: NOW,
    policy,
    authenticate: async ({ credential }) => {
      if (credential.credentialType === 'basic' && equalBytes(credential.identity, REFUSED_IDENTITY)) {
        throw new Error('the authentication service does not know this client')
      }
    },
    ...(pskOf === undefined ? {} : { findPsk: pskOf }),
  }
}

/** What every client lists. */
export function capabilities(suite: CipherSuite): Capabilities {
  return {
    versions: [1],
    cipherSuites: [suite.id],
    extensions: [0x0006, PRIVATE_EXTENSION, 0xff02, 0xf0d1, 0xf0d2],
    proposals: [0x0008, 0x0009, 0x000a, CUSTOM, CUSTOM_WITH_PATH],
    credentials: [1, 2, 0xf00c],
  }
}

export function suiteOf(id: number): CipherSuite {
  return nodeProvider.cipherSuite(id)
}

/** A client whose keys a seed decides. */
export async function client(name: string, suite: CipherSuite, seed: number, services: Services): Promise<Person> {
  const random = seededBytes(seed)
  const keys = await suite.generateSignatureKeyPair(random)
  return { name, suite, signer: await suite.importSigner(keys.privateKey), services: { ...services, random } }
}

export function keyPackage(of: Person, options: Partial<KeyPackageOptions> = {}): Promise<KeyPackageBundle> {
  return keyPackageOf(of, { capabilities: capabilities(of.suite), grease: 'omit', ...options })
}

/** GroupContext extensions with something in each. */
export function groupExtensions(externalSender: Signer): Extension[] {
  return [
    requiredCapabilitiesExtension({ extensionTypes: [0x0006], proposalTypes: [0x0008, CUSTOM], credentialTypes: [1] }),
    externalSendersExtension([{ signatureKey: externalSender.publicKey, credential: credentialOf('oscar') }]),
    appDataDictionaryExtension([{ componentId: COMPONENT, data: utf8('component') }]),
    { extensionType: PRIVATE_EXTENSION, extensionData: utf8('private') },
  ]
}

/** A seed for each of several clients. */
export function seedsOf(seed: number): () => number {
  const seeded = new Seeded(seed)
  return () => seeded.uint32()
}
