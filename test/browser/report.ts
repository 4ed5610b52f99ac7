/** What the test gives the page, and what the page reports: JSON, byte strings in hexadecimal. */

/** Made by Node for one suite: the page verifies and opens it. */
export interface SuiteFixture {
  readonly cipherSuite: number
  readonly signaturePublicKey: string
  readonly signature: string
  /** The private key is here too, so that both sides of HPKE can be tried on both sides. */
  readonly hpkePublicKey: string
  readonly hpkePrivateKey: string
  readonly kemOutput: string
  readonly ciphertext: string
}

/** A certificate and the one that signed it, in DER, and the raw key that it is for. */
export interface CertificateFixture {
  readonly cipherSuite: number
  readonly trustAnchor: string
  readonly certificate: string
  readonly signatureKey: string
  /** Seconds since the Unix epoch, within its validity. */
  readonly now: number
}

/** Made by the page with one provider and suite: Node verifies and opens it. */
export interface SuiteReport {
  readonly provider: string
  readonly cipherSuite: number
  readonly signaturePublicKey: string
  readonly signature: string
  readonly kemOutput: string
  readonly ciphertext: string
  /** A KeyPackage as an MLSMessage: Node validates it. */
  readonly keyPackage: string
  /** What failed; empty when all is well. */
  readonly failures: readonly string[]
}

export interface PageReport {
  /** Suites of WebCrypto that work here. */
  readonly webCryptoSuites: readonly number[]
  readonly suites: readonly SuiteReport[]
  /** What the X.509 Authentication Service says of a certificate: with its own key, and with another. */
  readonly certificate: { readonly own: string; readonly other: string }
  /** What WebCrypto makes of each case that it was given, in their order. */
  readonly verdicts: readonly string[]
  /** What the clients of the decentralized profile told, in order. */
  readonly clientStory: readonly string[]
  /** An exception that nothing caught. */
  readonly crashed: string | undefined
}

/** What is signed and sealed on both sides. */
export const MESSAGE = 'signed here, verified there'
export const HPKE_INFO = 'info'
export const HPKE_AAD = 'aad'
export const HPKE_PLAINTEXT = 'sealed here, opened there'
