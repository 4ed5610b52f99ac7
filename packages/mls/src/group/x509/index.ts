/**
 * `@dmls/mls/x509`: an Authentication Service for X.509 credentials (RFC 9420 §5.3). An entry point of its own, so that
 * the X.509 library is only loaded by those who use it.
 */
import type { X509Certificate } from '@peculiar/x509'
import { invalid, MlsError } from '../../errors.ts'
import type { Credential } from '../../wire/credential.ts'
import type { Authenticate, CredentialClaim } from '../services.ts'
import { verifyChain } from './certificate-chain.ts'
import { isCertificateShape } from './certificate-shape.ts'
import { loadX509, type X509Library } from './load-x509.ts'
import { isSubjectPublicKey } from './subject-public-key.ts'

/** Most certificates that a credential may present. */
const CERTIFICATES_MAX = 8

/** Whom a certificate names: the identifiers that a credential presents. */
export interface CertifiedIdentity {
  /** Distinguished name, as text (RFC 4514). */
  readonly subject: string
  /** Of the subject's alternative names; `type` as in RFC 5280: `dns`, `email`, `url`, `ip`, … */
  readonly alternativeNames: readonly { readonly type: string; readonly value: string }[]
  /** DER of the end-entity certificate. */
  readonly certificate: Uint8Array
}

export interface X509AuthenticatorOptions {
  /** The signature scheme is the suite's: RFC 9420 §17.1. */
  readonly cipherSuite: number
  /** Certificates, DER, that are trusted. */
  readonly trustAnchors: readonly Uint8Array[]
  /** Certificates, DER, that chains may leave out. */
  readonly intermediates?: readonly Uint8Array[]
  /**
   * Whether the identity is acceptable where it is presented: by throwing, the application refuses it. Without this
   * function everybody whom an anchor certified is.
   */
  readonly acceptIdentity?: (identity: CertifiedIdentity, claim: CredentialClaim) => void | Promise<void>
  /**
   * Whether one identity may take the place of another. Default: same subject and same alternative names. Where the earlier
   * credential is no X.509 credential nobody can say, and it is refused.
   */
  readonly isSuccessor?: (previous: CertifiedIdentity, next: CertifiedIdentity) => boolean
  /**
   * Whether certificates of members who are already in a group that we join may have expired (RFC 9420 §5.3.2 has groups
   * avoid it). Default: `refuse`.
   */
  readonly expiredMembers?: 'refuse' | 'accept'
  /** For credentials of other types. Default: they are refused. */
  readonly otherwise?: Authenticate
}

/**
 * An Authentication Service that accepts credentials whose certificates lead to a trust anchor.
 * @throws MlsError `certificate_malformed` if a given certificate is none
 */
export async function createX509Authenticator(options: X509AuthenticatorOptions): Promise<Authenticate> {
  const library = await loadX509()
  const anchors = options.trustAnchors.map((der) => parse(library, der))
  const intermediates = (options.intermediates ?? []).map((der) => parse(library, der))
  return async (claim) => {
    const { credential, previous } = claim
    if (credential.credentialType !== 'x509') return refuseOrDelegate(options, claim)
    const { certificates } = credential
    const identity = await readable(async () => {
      const presented = parseChain(library, certificates)
      const [endEntity] = presented as [X509Certificate]
      if (!isSubjectPublicKey(bytesOf(endEntity.publicKey.rawData), options.cipherSuite, claim.signatureKey)) {
        // RFC 9420 §5.3: the certificate's public key MUST be identical to the signature_key
        throw invalid('certificate_key_mismatch', 'a certificate is for another key than the leaf has')
      }
      const lenient = claim.occasion === 'tree' && options.expiredMembers === 'accept'
      const atMs = lenient ? undefined : Number(claim.now) * 1000
      await verifyChain({ library, presented, intermediates, anchors, atMs })
      return identityOf(library, endEntity)
    })
    if (previous !== undefined) await checkSuccessor(library, options, previous.credential, identity)
    await options.acceptIdentity?.(identity, claim)
  }
}

/** Whom an X.509 credential names, verified or not. @throws MlsError `certificate_malformed` */
export async function certifiedIdentity(
  credential: Credential & { credentialType: 'x509' },
): Promise<CertifiedIdentity> {
  const library = await loadX509()
  return readable(async () => {
    const [endEntity] = parseChain(library, credential.certificates) as [X509Certificate]
    return identityOf(library, endEntity)
  })
}

/** The library reads the parts of a certificate when they are asked for, and throws what it likes. */
async function readable<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof MlsError) throw error
    throw new MlsError('invalid', 'certificate_malformed', 'a certificate cannot be read', {}, { cause: error })
  }
}

async function refuseOrDelegate({ otherwise }: X509AuthenticatorOptions, claim: CredentialClaim): Promise<void> {
  if (otherwise === undefined) throw invalid('credential_type_refused', 'only X.509 credentials are accepted here')
  await otherwise(claim)
}

async function checkSuccessor(
  library: X509Library,
  options: X509AuthenticatorOptions,
  previous: Credential,
  next: CertifiedIdentity,
): Promise<void> {
  if (previous.credentialType !== 'x509') {
    throw invalid('not_a_successor', 'a certificate takes the place of a credential that is none') // RFC 9420 §5.3.1
  }
  const { certificates } = previous
  const before = await readable(async () => {
    const [endEntity] = parseChain(library, certificates) as [X509Certificate]
    return identityOf(library, endEntity)
  })
  const mayFollow = options.isSuccessor ?? sameIdentity
  if (!mayFollow(before, next)) {
    throw invalid('not_a_successor', 'a certificate names somebody else than the one that it replaces') // RFC 9420 §5.3.1
  }
}

function sameIdentity(a: CertifiedIdentity, b: CertifiedIdentity): boolean {
  const names = (identity: CertifiedIdentity): string =>
    JSON.stringify(identity.alternativeNames.map(({ type, value }) => `${type} ${value}`).sort())
  return a.subject === b.subject && names(a) === names(b)
}

function identityOf(library: X509Library, certificate: X509Certificate): CertifiedIdentity {
  const extension = certificate.getExtension(library.SubjectAlternativeNameExtension)
  const alternativeNames = (extension?.names.items ?? []).map(({ type, value }) => ({ type: `${type}`, value }))
  return { subject: certificate.subject, alternativeNames, certificate: bytesOf(certificate.rawData) }
}

function parseChain(library: X509Library, certificates: readonly Uint8Array[]): readonly X509Certificate[] {
  if (certificates.length === 0 || certificates.length > CERTIFICATES_MAX) {
    throw invalid('certificate_malformed', 'an X.509 credential has no certificates, or too many')
  }
  return certificates.map((der) => parse(library, der))
}

function parse(library: X509Library, der: Uint8Array): X509Certificate {
  // the library also reads text forms and ignores trailing bytes: only DER is a certificate here
  if (!isCertificateShape(der)) throw invalid('certificate_malformed', 'a certificate is not in DER')
  try {
    return new library.X509Certificate(der.slice())
  } catch (error) {
    throw new MlsError('invalid', 'certificate_malformed', 'a certificate cannot be read', {}, { cause: error })
  }
}

function bytesOf(buffer: ArrayBuffer): Uint8Array {
  return new Uint8Array(buffer)
}
