import { generateKeyPairSync, webcrypto } from 'node:crypto'
import { utf8 } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import {
  type CertifiedIdentity,
  certifiedIdentity,
  createX509Authenticator,
  type X509AuthenticatorOptions,
} from '../../src/group/x509/index.ts'
import { loadX509, type X509Library } from '../../src/group/x509/load-x509.ts'
import type { Authenticate, CredentialClaim } from '../../src/index.ts'
import {
  createCommit,
  createGroup,
  createKeyPackage,
  epochAuthenticator,
  joinGroup,
  mlsProfile,
} from '../../src/index.ts'
import { codeOf, LIFETIME, NOW, person } from './people.ts'

type Keys = webcrypto.CryptoKeyPair
type Certificate = Awaited<ReturnType<X509Library['X509CertificateGenerator']['create']>>

const ALGORITHMS = {
  1: { name: 'Ed25519' },
  2: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  5: { name: 'ECDSA', namedCurve: 'P-521', hash: 'SHA-512' },
  7: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
} as const
type SuiteId = keyof typeof ALGORITHMS

let library: X509Library
beforeAll(async () => {
  library = await loadX509()
})

const at = (seconds: bigint): Date => new Date(Number(seconds) * 1000)
const VALID = { notBefore: at(NOW - 100n), notAfter: at(NOW + 100n) }

async function keysOf(suite: SuiteId = 1): Promise<Keys> {
  return (await webcrypto.subtle.generateKey(ALGORITHMS[suite], true, ['sign', 'verify'])) as Keys
}

/** The raw public key, as a leaf has it. */
async function signatureKey(keys: Keys): Promise<Uint8Array> {
  return new Uint8Array(await webcrypto.subtle.exportKey('raw', keys.publicKey))
}

interface Issue {
  readonly subject: string
  readonly keys: Keys
  readonly by?: { readonly certificate: Certificate; readonly keys: Keys }
  readonly ca?: boolean
  readonly pathLength?: number
  readonly usages?: number
  readonly extensions?: readonly InstanceType<X509Library['Extension']>[]
  readonly validity?: { readonly notBefore: Date; readonly notAfter: Date }
  readonly suite?: SuiteId
  readonly names?: readonly string[]
}

function issue({
  subject,
  keys,
  by,
  ca = false,
  pathLength,
  usages,
  extensions = [],
  validity = VALID,
  suite = 1,
  names,
}: Issue): Promise<Certificate> {
  const { BasicConstraintsExtension, KeyUsagesExtension, SubjectAlternativeNameExtension } = library
  return library.X509CertificateGenerator.create({
    subject,
    issuer: by?.certificate.subject ?? subject,
    publicKey: keys.publicKey,
    signingKey: (by?.keys ?? keys).privateKey,
    signingAlgorithm: ALGORITHMS[suite],
    ...validity,
    extensions: [
      new BasicConstraintsExtension(ca, pathLength, true),
      ...(usages === undefined ? [] : [new KeyUsagesExtension(usages, true)]),
      ...(names === undefined
        ? []
        : [new SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns' as const, value })))]),
      ...extensions,
    ],
  })
}

const der = (certificate: Certificate): Uint8Array => new Uint8Array(certificate.rawData)

async function authority(name = 'CN=Root', options: Partial<Issue> = {}) {
  const keys = await keysOf(options.suite)
  return { keys, certificate: await issue({ subject: name, keys, ca: true, ...options }) }
}

async function claimOf(
  keys: Keys,
  chain: readonly Certificate[],
  more: Partial<CredentialClaim> = {},
): Promise<CredentialClaim> {
  const credential = { credentialType: 'x509', certificates: chain.map(der) } as const
  const key = await signatureKey(keys)
  return {
    occasion: 'key_package',
    credential,
    signatureKey: key,
    now: NOW,
    groupId: undefined,
    previous: undefined,
    ...more,
  }
}

function trusting(root: Certificate, options: Partial<X509AuthenticatorOptions> = {}): Promise<Authenticate> {
  return createX509Authenticator({ cipherSuite: 1, trustAnchors: [der(root)], ...options })
}

for (const suite of [1, 2, 5, 7] as const) {
  test(`a chain of three leads to the root (suite ${suite})`, async () => {
    const root = await authority('CN=Root', { suite })
    const middle = await authority('CN=Middle', { suite, by: root })
    const keys = await keysOf(suite)
    const leaf = await issue({ subject: 'CN=alice', keys, by: middle, suite, names: ['alice.example'] })
    const seen: CertifiedIdentity[] = []
    const acceptIdentity = (identity: CertifiedIdentity): void => {
      seen.push(identity)
    }
    const authenticate = await trusting(root.certificate, { cipherSuite: suite, acceptIdentity })
    await authenticate(await claimOf(keys, [leaf, middle.certificate]))
    expect(seen).toMatchObject([{ subject: 'CN=alice', alternativeNames: [{ type: 'dns', value: 'alice.example' }] }])
    // what peers possess may be left out
    expect(await codeOf(authenticate(await claimOf(keys, [leaf])))).toBe('certificate_not_trusted')
    const knowing = await trusting(root.certificate, { cipherSuite: suite, intermediates: [der(middle.certificate)] })
    expect(await codeOf(knowing(await claimOf(keys, [leaf])))).toBe('accepted')
  })
}

test('a key of Ed448 is certified by an authority with another scheme', async () => {
  const root = await authority('CN=Root', { suite: 2 })
  const spki = generateKeyPairSync('ed448').publicKey.export({ format: 'der', type: 'spki' })
  const leaf = await library.X509CertificateGenerator.create({
    subject: 'CN=alice',
    issuer: root.certificate.subject,
    publicKey: new library.PublicKey(spki),
    signingKey: root.keys.privateKey,
    signingAlgorithm: ALGORITHMS[2],
    ...VALID,
  })
  // the raw key is what follows the header of the SubjectPublicKeyInfo
  const claim = { ...(await claimOf(root.keys, [leaf])), signatureKey: new Uint8Array(spki).slice(12) }
  expect(await codeOf((await trusting(root.certificate, { cipherSuite: 4 }))(claim))).toBe('accepted')
})

test('whatever happens to the bytes of a chain on their way, the refusal is typed', async () => {
  const root = await authority('CN=Root', { suite: 2 })
  const middle = await authority('CN=Middle', { suite: 2, by: root })
  const keys = await keysOf(2)
  const names = ['alice.example']
  const leaf = await issue({ subject: 'CN=alice', keys, by: middle, suite: 2, names, usages: 1 })
  const authenticate = await trusting(root.certificate, { cipherSuite: 2 })
  const claim = await claimOf(keys, [leaf, middle.certificate])
  const chain = [der(leaf), der(middle.certificate)]
  await fc.assert(
    fc.asyncProperty(fc.nat(1), fc.nat(), fc.integer({ min: 1, max: 255 }), async (which, at, flip) => {
      const certificates = chain.map((bytes, i) => {
        const copy = bytes.slice()
        if (i === which) copy[at % copy.length] = (copy[at % copy.length] as number) ^ flip
        return copy
      })
      const credential = { credentialType: 'x509', certificates } as const
      const code = await codeOf(authenticate({ ...claim, credential }))
      // what was signed is as it was, or the chain is refused
      if (code === 'accepted') expect(await certifiedIdentity(credential)).toMatchObject({ subject: 'CN=alice' })
      await codeOf(certifiedIdentity(credential).then(() => undefined))
      const previous = { credential, signatureKey: claim.signatureKey }
      await codeOf(authenticate({ ...claim, previous }))
    }),
    { numRuns: 200 },
  )
})

const SEQUENCE = 0x30

/** An ASN.1 SEQUENCE of so many zero bytes. */
function sequenceOf(size: number): Uint8Array {
  const length = [0x010000, 0x0100, 1].flatMap((unit) => (size >= unit ? [Math.floor(size / unit) & 0xff] : []))
  return new Uint8Array([0x30, 0x80 | length.length, ...length, ...new Uint8Array(size)])
}

describe('a credential is refused', () => {
  async function chained(options: Partial<Issue> = {}, middleOptions: Partial<Issue> = {}) {
    const root = await authority()
    const middle = await authority('CN=Middle', { by: root, ...middleOptions })
    const keys = await keysOf()
    const leaf = await issue({ subject: 'CN=alice', keys, by: middle, ...options })
    return { root, middle, keys, leaf, chain: [leaf, middle.certificate] }
  }
  async function verdict(options: Partial<Issue> = {}, middleOptions: Partial<Issue> = {}): Promise<string> {
    const { root, keys, chain } = await chained(options, middleOptions)
    return codeOf((await trusting(root.certificate))(await claimOf(keys, chain)))
  }
  const expired = { notBefore: at(NOW - 9n), notAfter: at(NOW - 1n) }

  test('not if it is sound', async () => {
    expect(await verdict()).toBe('accepted')
  })

  test('whose certificate is for another key than the leaf has', async () => {
    const { root, chain } = await chained()
    const authenticate = await trusting(root.certificate)
    expect(await codeOf(authenticate(await claimOf(await keysOf(), chain)))).toBe('certificate_key_mismatch')
  })

  test('that an unknown authority certified, even one of the same name', async () => {
    const { keys, chain } = await chained()
    const other = await authority()
    expect(await codeOf((await trusting(other.certificate))(await claimOf(keys, chain)))).toBe(
      'certificate_not_trusted',
    )
  })

  test('unless it is one of those that are trusted, by itself', async () => {
    const keys = await keysOf()
    const leaf = await issue({ subject: 'CN=alice', keys })
    expect(await codeOf((await trusting(leaf))(await claimOf(keys, [leaf])))).toBe('accepted')
    const another = await issue({ subject: 'CN=alice', keys })
    expect(await codeOf((await trusting(leaf))(await claimOf(keys, [another])))).toBe('certificate_not_trusted')
  })

  test('that is not valid at the time, or whose issuer is not', async () => {
    expect(await verdict({ validity: expired })).toBe('certificate_not_valid_now')
    expect(await verdict({ validity: { notBefore: at(NOW + 1n), notAfter: at(NOW + 9n) } })).toBe(
      'certificate_not_valid_now',
    )
    expect(await verdict({}, { validity: expired })).toBe('certificate_not_trusted')
  })

  test('unless it is of a member who was there before, and the application is lenient', async () => {
    const { root, keys, chain } = await chained({ validity: expired })
    const claim = await claimOf(keys, chain, { occasion: 'tree' })
    expect(await codeOf((await trusting(root.certificate))(claim))).toBe('certificate_not_valid_now')
    const lenient = await trusting(root.certificate, { expiredMembers: 'accept' })
    expect(await codeOf(lenient(claim))).toBe('accepted')
    expect(await codeOf(lenient({ ...claim, occasion: 'add' }))).toBe('certificate_not_valid_now')
  })

  test('whose issuer may not certify', async () => {
    expect(await verdict({}, { ca: false })).toBe('certificate_not_trusted')
    expect(await verdict({}, { usages: library.KeyUsageFlags.digitalSignature })).toBe('certificate_not_trusted')
    expect(await verdict({}, { usages: library.KeyUsageFlags.keyCertSign })).toBe('accepted')
  })

  test('whose path is longer than its root allows', async () => {
    const root = await authority('CN=Root', { pathLength: 0 })
    const middle = await authority('CN=Middle', { by: root })
    const keys = await keysOf()
    const leaf = await issue({ subject: 'CN=alice', keys, by: middle })
    const authenticate = await trusting(root.certificate)
    expect(await codeOf(authenticate(await claimOf(keys, [leaf, middle.certificate])))).toBe('certificate_not_trusted')
    const direct = await issue({ subject: 'CN=alice', keys, by: root })
    expect(await codeOf(authenticate(await claimOf(keys, [direct])))).toBe('accepted')
  })

  test('whose certificate is not for signatures, or has a critical extension that is not understood', async () => {
    expect(await verdict({ usages: library.KeyUsageFlags.keyAgreement })).toBe('certificate_not_acceptable')
    const unknown = (critical: boolean) => new library.Extension('1.2.3.4', critical, new Uint8Array([5, 0]))
    expect(await verdict({ extensions: [unknown(true)] })).toBe('certificate_not_acceptable')
    expect(await verdict({ extensions: [unknown(false)] })).toBe('accepted')
  })

  test('one of whose issuers may certify certain names only, whether that is critical or not', async () => {
    for (const critical of [true, false]) {
      const root = await authority()
      const [middleKeys, keys] = [await keysOf(), await keysOf()]
      const constraints = new library.Extension('2.5.29.30', critical, new Uint8Array([0x30, 0]))
      const certified = { subject: 'CN=Middle', keys: middleKeys, by: root, ca: true }
      const outcome = async (extensions: Issue['extensions'] = []): Promise<string> => {
        const middle = await issue({ ...certified, extensions })
        const leaf = await issue({ subject: 'CN=alice', keys, by: { certificate: middle, keys: middleKeys } })
        return codeOf((await trusting(root.certificate))(await claimOf(keys, [leaf, middle])))
      }
      expect(await outcome()).toBe('accepted')
      expect(await outcome([constraints])).toBe('certificate_not_trusted')
    }
  })

  test('that is no certificate, none at all, or too many', async () => {
    const { root, keys, leaf, chain } = await chained()
    const authenticate = await trusting(root.certificate)
    const claim = await claimOf(keys, chain)
    const of = (certificates: readonly Uint8Array[]) =>
      codeOf(authenticate({ ...claim, credential: { credentialType: 'x509', certificates } }))
    expect(await of([])).toBe('certificate_malformed')
    expect(await of([utf8('not a certificate')])).toBe('certificate_malformed')
    for (const size of [0x90, 0x0190, 0x010090]) expect(await of([sequenceOf(size)])).toBe('certificate_malformed')
    // the outer algorithm is another than the inner one, or the signature is not in DER (RFC 5280 §4.1.1.2)
    const [sound, at] = [der(leaf), der(leaf).length - 64]
    const bitString = at - 3
    const algorithm = bitString - 7
    expect([sound[bitString], sound[bitString + 2], sound[algorithm]]).toEqual([0x03, 0, SEQUENCE])
    for (const place of [algorithm, algorithm + 1, algorithm + 6, bitString, bitString + 2]) {
      const spoiled = sound.map((byte, i) => (i === place ? byte ^ 1 : byte))
      expect(await of([spoiled])).toBe('certificate_malformed')
    }
    expect(await of([new Uint8Array([...der(leaf), 0])])).toBe('certificate_malformed')
    expect(await of(Array.from({ length: 9 }, () => der(leaf)))).toBe('certificate_malformed')
    expect(await of([utf8(leaf.toString('pem'))])).toBe('certificate_malformed')
  })

  test('whose certificates would cost too many signatures', async () => {
    const root = await authority()
    const shared = await keysOf()
    const maze = await Promise.all(
      Array.from({ length: 7 }, () => issue({ subject: 'CN=Maze', keys: shared, ca: true })),
    )
    const [first] = maze
    if (first === undefined) throw new Error('no certificates')
    const keys = await keysOf()
    const leaf = await issue({ subject: 'CN=alice', keys, by: { certificate: first, keys: shared } })
    const authenticate = await trusting(root.certificate)
    expect(await codeOf(authenticate(await claimOf(keys, [leaf, ...maze])))).toBe('certificate_not_acceptable')
  })

  test('of another type, unless something else judges it', async () => {
    const { root } = await chained()
    const basic = { credentialType: 'basic', identity: utf8('alice') } as const
    const claim = { ...(await claimOf(await keysOf(), [root.certificate])), credential: basic }
    expect(await codeOf((await trusting(root.certificate))(claim))).toBe('credential_type_refused')
    const tolerant = await trusting(root.certificate, { otherwise: async () => undefined })
    expect(await codeOf(tolerant(claim))).toBe('accepted')
  })

  test('that names somebody else than the one that it replaces', async () => {
    const { root, middle, keys, leaf, chain } = await chained({ names: ['alice.example'] })
    const authenticate = await trusting(root.certificate)
    const next = async (subject: string, names: readonly string[]) => {
      const fresh = await keysOf()
      const certificate = await issue({ subject, keys: fresh, by: middle, names })
      const { credential, signatureKey: key } = await claimOf(keys, chain)
      const previous = { credential, signatureKey: key }
      return codeOf(
        authenticate(await claimOf(fresh, [certificate, middle.certificate], { occasion: 'update', previous })),
      )
    }
    expect(await next('CN=alice', ['alice.example'])).toBe('accepted')
    expect(await next('CN=mallory', ['alice.example'])).toBe('not_a_successor')
    expect(await next('CN=alice', ['mallory.example'])).toBe('not_a_successor')
    const basic = { credentialType: 'basic', identity: utf8('CN=alice') } as const
    const previous = { credential: basic, signatureKey: await signatureKey(keys) }
    const claim = await claimOf(keys, chain, { occasion: 'update', previous })
    expect(await codeOf(authenticate(claim))).toBe('not_a_successor')
    const { subject } = await certifiedIdentity({ credentialType: 'x509', certificates: [der(leaf)] })
    expect(subject).toBe('CN=alice')
  })
})

test('loading the library leaves no metadata functions behind', () => {
  expect('getMetadata' in Reflect).toBe(false)
})

test('alice and bob, certified by one root, meet in a group', async () => {
  const suite = nodeProvider.cipherSuite(1)
  const root = await authority()
  const authenticate = await trusting(root.certificate)
  const certified = async (name: string) => {
    const base = await person(name)
    const keys = {
      publicKey: await webcrypto.subtle.importKey('raw', base.signer.publicKey, 'Ed25519', true, ['verify']),
    } as Keys
    const certificate = await issue({ subject: `CN=${name}`, keys, by: root })
    const credential = { credentialType: 'x509', certificates: [der(certificate)] } as const
    return { ...base, credential, services: { ...base.services, authenticate } }
  }
  const [alice, bob] = [await certified('alice'), await certified('bob')]
  const { signer, credential } = bob
  const bundle = await createKeyPackage({ suite, signer, credential, lifetime: LIFETIME }, bob.services)
  const leaf = { credential: alice.credential }
  const start = { profile: mlsProfile, suite, groupId: utf8('g'), signer: alice.signer, leaf, lifetime: LIFETIME }
  const group = await createGroup(start, alice.services)
  const proposals = [{ proposalType: 'add', keyPackage: bundle.keyPackage } as const]
  const { child, welcome } = await createCommit(group, { signer: alice.signer, proposals }, alice.services)
  if (welcome?.wireFormat !== 'mls_welcome') throw new Error('no Welcome')
  const joining = { profile: mlsProfile, suite, welcome: welcome.welcome, keyPackages: [bundle] }
  const { state } = await joinGroup(joining, bob.services)
  expect(epochAuthenticator(state)).toEqual(epochAuthenticator(child))
  const stranger = await person('mallory')
  const basic = await createKeyPackage(
    {
      suite,
      signer: stranger.signer,
      credential: { credentialType: 'basic', identity: utf8('m') },
      lifetime: LIFETIME,
    },
    stranger.services,
  )
  const adding = createCommit(
    child,
    { signer: alice.signer, proposals: [{ proposalType: 'add', keyPackage: basic.keyPackage }] },
    alice.services,
  )
  expect(await codeOf(adding)).toBe('credential_type_refused')
})
