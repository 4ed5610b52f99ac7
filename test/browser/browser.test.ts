/**
 * The library in a real browser: bundled from its sources without anything of Node, on WebCrypto as that browser has it.
 * `pnpm browser`; skipped where no Chromium is found.
 */
import { webcrypto } from 'node:crypto'
import { fromHex, systemRandom, toHex, utf8 } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { webCryptoProvider } from '@dmls/crypto/webcrypto'
import { decodeMlsMessage, validateKeyPackage } from '@dmls/mls'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadX509 } from '../../packages/mls/src/group/x509/load-x509.ts'
import { bundlePage } from './bundle.ts'
import { findBrowser, showPage } from './chromium.ts'
import { judgeCase } from './judge-case.ts'
import {
  type CertificateFixture,
  HPKE_AAD,
  HPKE_INFO,
  HPKE_PLAINTEXT,
  MESSAGE,
  type PageReport,
  type SuiteFixture,
  type SuiteReport,
} from './report.ts'

import { publicKeyCases } from './wycheproof-cases.ts'

const TIMEOUT_MS = 120_000
const browser = findBrowser()
const why = browser === undefined ? ' (skipped: no Chromium here; set DMLS_BROWSER)' : ''

async function fixtureOf(id: number): Promise<SuiteFixture> {
  const suite = nodeProvider.cipherSuite(id)
  const keys = await suite.generateSignatureKeyPair(systemRandom)
  const hpke = await suite.generateHpkeKeyPair(systemRandom)
  const sealed = await suite.hpkeSeal(
    hpke.publicKey,
    utf8(HPKE_INFO),
    utf8(HPKE_AAD),
    utf8(HPKE_PLAINTEXT),
    systemRandom,
  )
  return {
    cipherSuite: id,
    signaturePublicKey: toHex(keys.publicKey),
    signature: toHex(await suite.sign(keys.privateKey, utf8(MESSAGE))),
    hpkePublicKey: toHex(hpke.publicKey),
    hpkePrivateKey: toHex(hpke.privateKey),
    kemOutput: toHex(sealed.kemOutput),
    ciphertext: toHex(sealed.ciphertext),
  }
}

async function certificateFixture(): Promise<CertificateFixture> {
  const { X509CertificateGenerator, BasicConstraintsExtension } = await loadX509()
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  const [rootKeys, keys] = [await certificateKeys(algorithm), await certificateKeys(algorithm)]
  const now = Math.floor(Date.now() / 1000)
  const [notBefore, notAfter] = [new Date((now - 3600) * 1000), new Date((now + 3600) * 1000)]
  const issued = {
    issuer: 'CN=Root',
    signingKey: rootKeys.privateKey,
    signingAlgorithm: algorithm,
    notBefore,
    notAfter,
  }
  const root = await X509CertificateGenerator.create({
    ...issued,
    subject: 'CN=Root',
    publicKey: rootKeys.publicKey,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  })
  const leaf = await X509CertificateGenerator.create({ ...issued, subject: 'CN=alice', publicKey: keys.publicKey })
  return {
    cipherSuite: 2,
    trustAnchor: toHex(new Uint8Array(root.rawData)),
    certificate: toHex(new Uint8Array(leaf.rawData)),
    signatureKey: toHex(new Uint8Array(await webcrypto.subtle.exportKey('raw', keys.publicKey))),
    now,
  }
}

function certificateKeys(algorithm: webcrypto.EcKeyGenParams): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

test(
  'the bundle of the library for a browser needs nothing of Node',
  async () => {
    // What a runtime without WebCrypto would fall back on; it is imported only there.
    expect((await bundlePage()).nodeModules).toEqual(['crypto in @hpke/common'])
  },
  TIMEOUT_MS,
)

describe.skipIf(browser === undefined)(`in a browser${why}`, () => {
  let fixtures: readonly SuiteFixture[]
  let report: PageReport
  let userAgent: string
  const cases = publicKeyCases()

  beforeAll(async () => {
    fixtures = await Promise.all(nodeProvider.cipherSuites.map(fixtureOf))
    const { scripts } = await bundlePage()
    const files = new Map([
      ['/', { type: 'text/html', body: '<!doctype html><script type="module" src="/main.js"></script>' }],
      ['/fixtures.json', { type: 'application/json', body: JSON.stringify(fixtures) }],
      ['/certificate.json', { type: 'application/json', body: JSON.stringify(await certificateFixture()) }],
      ['/cases.json', { type: 'application/json', body: JSON.stringify(cases.map(({ it }) => it)) }],
      ...[...scripts].map(([path, body]) => [path, { type: 'text/javascript', body }] as const),
    ])
    const shown = await showPage(browser as string, files, TIMEOUT_MS)
    report = JSON.parse(shown.body) as PageReport
    userAgent = shown.userAgent
  }, TIMEOUT_MS + 30_000)

  /** What each provider made of one suite, and the fixture that it was given. */
  function reportsOf(id: number): { readonly fixture: SuiteFixture; readonly reports: readonly SuiteReport[] } {
    const fixture = fixtures.find(({ cipherSuite }) => cipherSuite === id)
    if (fixture === undefined) throw new Error(`no fixture for suite ${id}`)
    return { fixture, reports: report.suites.filter(({ cipherSuite }) => cipherSuite === id) }
  }

  test('the page comes to its end', () => {
    expect(report.crashed).toBeUndefined()
    expect(userAgent).toMatch(/Chrome|Edg/)
  })

  test('WebCrypto has every suite that the provider claims', () => {
    expect(report.webCryptoSuites).toEqual(webCryptoProvider.cipherSuites)
  })

  test.each(nodeProvider.cipherSuites)(
    'alice, bob and charlie talk with suite %i, and Node agrees with the browser on every primitive',
    async (id) => {
      const { fixture, reports } = reportsOf(id)
      const isWebCryptos = webCryptoProvider.cipherSuites.includes(id)
      expect(reports.map(({ provider }) => provider)).toEqual(isWebCryptos ? ['webcrypto', 'noble'] : ['noble'])
      const suite = nodeProvider.cipherSuite(id)
      for (const made of reports) {
        expect(made.failures).toEqual([])
        const { signaturePublicKey, signature, kemOutput, ciphertext } = made
        expect(await suite.verify(fromHex(signaturePublicKey), utf8(MESSAGE), fromHex(signature))).toBe(true)
        const sealed = { kemOutput: fromHex(kemOutput), ciphertext: fromHex(ciphertext) }
        const opened = await suite.hpkeOpen(fromHex(fixture.hpkePrivateKey), sealed, utf8(HPKE_INFO), utf8(HPKE_AAD))
        expect(opened).toEqual(utf8(HPKE_PLAINTEXT))
        const message = decodeMlsMessage(fromHex(made.keyPackage))
        if (message.wireFormat !== 'mls_key_package') throw new Error('no key package was made')
        const services = { now: 1_700_000_000n, authenticate: async () => undefined }
        await validateKeyPackage(suite, message.keyPackage, services)
      }
    },
  )

  test.skipIf(cases.length === 0)(
    'WebCrypto of the browser refuses what Project Wycheproof has refused, and agrees with Node on all else',
    async () => {
      expect(cases.length).toBeGreaterThan(2000)
      const disagreements: string[] = []
      for (const [i, { it, result }] of cases.entries()) {
        const expected = await judgeCase(nodeProvider.cipherSuite(it.cipherSuite), it)
        if (it.kind === 'signature') expect(expected, it.name).toBe(result === 'valid' ? 'valid' : 'invalid')
        else if (result === 'invalid') expect(expected, it.name).toBe('kem_failed')
        if (report.verdicts[i] !== expected) disagreements.push(`${it.name}: ${report.verdicts[i]}, not ${expected}`)
      }
      expect(disagreements).toEqual([])
    },
    TIMEOUT_MS,
  )

  test('an X.509 credential is judged by the certificate that it has', () => {
    expect(report.certificate).toEqual({ own: 'accepted', other: 'certificate_key_mismatch' })
  })

  test('three clients of the decentralized profile come together after a fork', () => {
    expect(report.clientStory).toContain('alice reads on the other side')
    expect(report.clientStory).toContain('charlie reads on the other side')
    expect(report.clientStory.at(-1)).toBe('3 clients agree after a fork')
  })
})
