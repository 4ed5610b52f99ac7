/**
 * From an end-entity certificate to a trust anchor (RFC 5280 §6, the parts that apply without policies and name
 * constraints): signatures, validity, who may certify, how long a path may be. Critical extensions that are not
 * understood make a certificate unacceptable, and so do name constraints, critical or not: none is accepted whose
 * constraints were not looked at. Revocation is not checked: it needs I/O, which is the application's.
 */
import { equalBytes } from '@dmls/crypto'
import type { X509Certificate } from '@peculiar/x509'
import { invalid, MlsError } from '../../errors.ts'
import type { X509Library } from './load-x509.ts'

/** Longest path that is looked for, the end entity and the anchor included. */
const PATH_LENGTH_MAX = 8
/** Most signatures that one chain may cost. */
const SIGNATURES_MAX = 32

const BASIC_CONSTRAINTS = '2.5.29.19'
const KEY_USAGE = '2.5.29.15'
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17'
const EXTENDED_KEY_USAGE = '2.5.29.37'
const NAME_CONSTRAINTS = '2.5.29.30'
const UNDERSTOOD: ReadonlySet<string> = new Set([
  BASIC_CONSTRAINTS,
  KEY_USAGE,
  SUBJECT_ALTERNATIVE_NAME,
  EXTENDED_KEY_USAGE,
])

export interface ChainOptions {
  readonly library: X509Library
  /** The end entity first. */
  readonly presented: readonly X509Certificate[]
  /** Known beforehand; a chain may leave them out (RFC 9420 §5.3). */
  readonly intermediates: readonly X509Certificate[]
  readonly anchors: readonly X509Certificate[]
  /** Milliseconds since the Unix epoch; undefined where validity periods are not to be checked. */
  readonly atMs: number | undefined
}

/** @throws MlsError `certificate_not_trusted`, `certificate_not_valid_now`, `certificate_not_acceptable` */
export async function verifyChain(options: ChainOptions): Promise<void> {
  const [endEntity] = options.presented
  if (endEntity === undefined) throw new MlsError('internal', 'unreachable', 'an empty chain was let through')
  checkCertificate(endEntity, options)
  checkUsage(options.library, endEntity, 'digitalSignature')
  if (isAnchor(endEntity, options)) return
  const budget = { signatures: SIGNATURES_MAX }
  if (!(await reachesAnchor([endEntity], options, budget))) {
    throw invalid('certificate_not_trusted', 'a certificate does not lead to a trust anchor')
  }
}

async function reachesAnchor(
  path: readonly X509Certificate[],
  options: ChainOptions,
  budget: { signatures: number },
): Promise<boolean> {
  if (path.length >= PATH_LENGTH_MAX) return false
  const last = path.at(-1) as X509Certificate
  for (const issuer of [...options.anchors, ...options.presented.slice(1), ...options.intermediates]) {
    if (issuer.subject !== last.issuer || path.some((each) => sameCertificate(each, issuer))) continue
    if (!mayIssue(issuer, path.length - 1, options)) continue
    if (budget.signatures-- <= 0) throw invalid('certificate_not_acceptable', 'a chain of certificates is too costly')
    if (!(await isSignedBy(last, issuer))) continue
    if (isAnchor(issuer, options)) return true
    if (await reachesAnchor([...path, issuer], options, budget)) return true
  }
  return false
}

async function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): Promise<boolean> {
  try {
    return await certificate.verify({ publicKey: issuer.publicKey, signatureOnly: true })
  } catch {
    // no signature, or a scheme that is not known here; another issuer of the same name may do
    return false
  }
}

/** Whether a certificate may certify others, with `below` intermediates between it and the end entity. */
function mayIssue(issuer: X509Certificate, below: number, options: ChainOptions): boolean {
  const { library } = options
  try {
    const constraints = issuer.getExtension(library.BasicConstraintsExtension)
    if (constraints?.ca !== true) return false
    if (constraints.pathLength !== undefined && below > constraints.pathLength) return false
    checkCertificate(issuer, options)
    checkUsage(library, issuer, 'keyCertSign')
    return true
  } catch {
    // another issuer of the same name may do
    return false
  }
}

function checkCertificate(certificate: X509Certificate, { atMs }: ChainOptions): void {
  const { notBefore, notAfter } = certificate
  if (atMs !== undefined && (atMs < notBefore.getTime() || atMs > notAfter.getTime())) {
    throw invalid('certificate_not_valid_now', 'a certificate is not valid at this time')
  }
  for (const { critical, type } of certificate.extensions) {
    if ((critical && !UNDERSTOOD.has(type)) || type === NAME_CONSTRAINTS) {
      throw invalid('certificate_not_acceptable', 'a certificate has an extension that must be understood and is not', {
        type,
      })
    }
  }
}

function checkUsage(
  library: X509Library,
  certificate: X509Certificate,
  usage: 'digitalSignature' | 'keyCertSign',
): void {
  const extension = certificate.getExtension(library.KeyUsagesExtension)
  if (extension !== null && (extension.usages & library.KeyUsageFlags[usage]) === 0) {
    throw invalid('certificate_not_acceptable', 'a certificate is not for this use', { usage })
  }
}

function isAnchor(certificate: X509Certificate, { anchors }: ChainOptions): boolean {
  return anchors.some((anchor) => sameCertificate(anchor, certificate))
}

function sameCertificate(a: X509Certificate, b: X509Certificate): boolean {
  return equalBytes(new Uint8Array(a.rawData), new Uint8Array(b.rawData))
}
