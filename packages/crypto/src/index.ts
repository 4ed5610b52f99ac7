/**
 * `@dmls/crypto`: the interface of cipher suites and what needs no provider. Runs anywhere; the providers have entry
 * points of their own (`@dmls/crypto/node`, `/noble`, `/webcrypto`), so that a browser never loads node:crypto.
 */

export * from './bytes.ts'
export * from './cipher-suite.ts'
export * from './errors.ts'
export * from './random.ts'
export * from './signer.ts'
