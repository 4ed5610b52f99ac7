/** Checking the evidence of an `equivocation` event, for anybody who knows the identities: no group is needed. */
import type { CipherSuite, CipherSuiteId, CryptoProvider } from '@dmls/crypto'
import { type ProvenEquivocation, verifyEquivocation as verifyProof } from '@dmls/dmls'
import { invalid } from '@dmls/mls'
import { authenticateWith } from './context.ts'
import { selfCertifyingAuthenticator } from './identity.ts'
import type { Authenticator, Clock } from './ports.ts'
import { systemClock } from './system-clock.ts'

export interface VerifyEquivocationOptions {
  readonly provider: CryptoProvider
  /** Default: self-certifying identities. */
  readonly authenticator?: Authenticator
  /** Default: the system's clock. */
  readonly clock?: Clock
}

/**
 * Who is caught by `evidence`. A state that was restored from a backup, or copied, is caught like a liar.
 * @throws MlsError `malformed`; `invalid`: `no_equivocation`, `bad_signature`, `suite_unsupported`, and what the
 * Authentication Service refuses
 */
export function verifyEquivocation(
  evidence: Uint8Array,
  { provider, authenticator, clock = systemClock }: VerifyEquivocationOptions,
): Promise<ProvenEquivocation> {
  return verifyProof(evidence, {
    suiteOf: (id) => suiteOf(provider, id),
    authorityFor: (suite) => {
      const authority = authenticator ?? selfCertifyingAuthenticator(suite)
      return {
        authenticate: authenticateWith(authority),
        identityOf: ({ credential }) => authority.identity(credential),
      }
    },
    now: BigInt(Math.floor(clock.nowMs() / 1000)),
  })
}

function suiteOf(provider: CryptoProvider, id: number): CipherSuite {
  if (!provider.cipherSuites.includes(id as CipherSuiteId)) {
    throw invalid('suite_unsupported', 'the evidence is of a cipher suite that is not here')
  }
  return provider.cipherSuite(id)
}
