/**
 * What runs in the browser: every suite of every provider that needs no Node, the group state machine on each, and three
 * clients of the decentralized profile. The report goes back to the server that the page came from.
 */

import { nobleProvider } from '@dmls/crypto/noble'
import { detectWebCryptoProvider } from '@dmls/crypto/webcrypto'
import { judgeCase, type PublicKeyCase } from '../judge-case.ts'
import type { CertificateFixture, PageReport, SuiteFixture, SuiteReport } from '../report.ts'
import { tellClientStory } from './client-story.ts'
import { examineCertificate } from './examine-certificate.ts'
import { examineSuite } from './examine-suite.ts'

async function run(): Promise<PageReport> {
  const fixtures = (await fetched('/fixtures.json')) as readonly SuiteFixture[]
  const webCrypto = await detectWebCryptoProvider()
  const suites: SuiteReport[] = []
  for (const provider of [webCrypto, nobleProvider]) {
    for (const id of provider.cipherSuites) {
      const fixture = fixtures.find(({ cipherSuite }) => cipherSuite === id)
      if (fixture === undefined) throw new Error(`no fixture for suite ${id}`)
      suites.push(await examineSuite(provider, id, fixture))
    }
  }
  const cases = (await fetched('/cases.json')) as readonly PublicKeyCase[]
  const verdicts: string[] = []
  for (const it of cases) verdicts.push(await judgeCase(webCrypto.cipherSuite(it.cipherSuite), it))
  return {
    webCryptoSuites: webCrypto.cipherSuites,
    suites,
    certificate: await examineCertificate((await fetched('/certificate.json')) as CertificateFixture),
    verdicts,
    clientStory: await tellClientStory(webCrypto),
    crashed: undefined,
  }
}

async function fetched(path: string): Promise<unknown> {
  return (await fetch(path)).json()
}

async function report(body: Partial<PageReport>): Promise<void> {
  await fetch('/report', { method: 'POST', body: JSON.stringify(body) })
}

run().then(report, (error: unknown) => report({ crashed: error instanceof Error ? `${error.stack}` : String(error) }))
