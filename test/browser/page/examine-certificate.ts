/** X.509 in the browser: the library loads, and a chain is verified by WebCrypto. */
import { fromHex } from '@dmls/crypto'
import { MlsError } from '@dmls/mls'
import { createX509Authenticator } from '@dmls/mls/x509'
import type { CertificateFixture, PageReport } from '../report.ts'

export async function examineCertificate(fixture: CertificateFixture): Promise<PageReport['certificate']> {
  const certificate = fromHex(fixture.certificate)
  const { cipherSuite } = fixture
  const authenticate = await createX509Authenticator({ cipherSuite, trustAnchors: [fromHex(fixture.trustAnchor)] })
  const verdict = async (signatureKey: Uint8Array): Promise<string> => {
    try {
      await authenticate({
        occasion: 'key_package',
        credential: { credentialType: 'x509', certificates: [certificate] },
        signatureKey,
        now: BigInt(fixture.now),
        groupId: undefined,
        previous: undefined,
      })
      return 'accepted'
    } catch (error) {
      return error instanceof MlsError ? error.code : `untyped: ${error}`
    }
  }
  const key = fromHex(fixture.signatureKey)
  return { own: await verdict(key), other: await verdict(key.map((byte) => byte ^ 1)) }
}
