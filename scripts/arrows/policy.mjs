/**
 * Who may import whom: the one-way rule of the workspace, as data. docs and CONTRIBUTING.md draw the same picture:
 *
 *     crypto → mls → dmls → client → { store-level, delivery-libp2p } → cli
 */

/**
 * What is asked of one package.
 *
 * @typedef {object} Policy
 * @property {string} folder relative to the root
 * @property {readonly string[] | 'everything'} mayImport packages of the workspace, without the `@dmls/`
 * @property {'any' | readonly string[]} nodeModules the modules of Node itself that its sources may import
 * @property {boolean} isPure its sources draw no ambient randomness
 * @property {readonly string[] | 'any'} cryptography the cryptographic libraries that its sources may import
 */

const CORE = /** @type {const} */ (['crypto', 'mls', 'dmls', 'client'])

/** @type {Readonly<Record<string, Policy>>} */
export const POLICIES = {
  crypto: {
    folder: 'packages/crypto',
    mayImport: [],
    nodeModules: ['node:buffer', 'node:crypto'],
    isPure: true,
    cryptography: 'any',
  },
  mls: {
    folder: 'packages/mls',
    mayImport: ['crypto'],
    nodeModules: [],
    isPure: true,
    // Certificates are a format before they are cryptography, and a credential of RFC 9420 §5.3 carries them.
    cryptography: ['@peculiar/x509'],
  },
  dmls: {
    folder: 'packages/dmls',
    mayImport: ['crypto', 'mls'],
    nodeModules: [],
    isPure: true,
    cryptography: [],
  },
  client: {
    folder: 'packages/client',
    mayImport: ['crypto', 'mls', 'dmls'],
    nodeModules: [],
    isPure: true,
    cryptography: [],
  },
  'store-level': {
    folder: 'packages/store-level',
    mayImport: CORE,
    nodeModules: 'any',
    isPure: false,
    cryptography: [],
  },
  'delivery-libp2p': {
    folder: 'packages/delivery-libp2p',
    mayImport: CORE,
    nodeModules: 'any',
    isPure: false,
    cryptography: [],
  },
  cli: {
    folder: 'packages/cli',
    mayImport: [...CORE, 'store-level', 'delivery-libp2p'],
    nodeModules: 'any',
    isPure: false,
    cryptography: [],
  },
  sim: { folder: 'sim', mayImport: 'everything', nodeModules: 'any', isPure: false, cryptography: 'any' },
  test: { folder: 'test', mayImport: 'everything', nodeModules: 'any', isPure: false, cryptography: 'any' },
}

/** Packages and modules that hold cryptography, and the entry points below them. */
export const CRYPTOGRAPHY =
  /^(node:crypto|crypto|tweetnacl|elliptic|libsodium[^/]*|@(noble|hpke|peculiar|stablelib)\/[^/]+)(\/|$)/
