/** KeyPackages (RFC 9420 §10): making one's own, and validating those of others (§10.1). */
import type { CipherSuite, RandomSource } from '@dmls/crypto'
import { equalBytes } from '@dmls/crypto'
import type { Writer } from '../codec/writer.ts'
import { invalid, usage } from '../errors.ts'
import { keyPackageRef, signWithLabel, verifyWithLabel } from '../schedule/labeled.ts'
import { checkEncryptionKey, validateLeafNode } from '../tree/leaf-node-validation.ts'
import { checkExtensionsDistinct, isDefaultExtension } from '../tree/required-capabilities.ts'
import { credentialTypeOf } from '../wire/credential.ts'
import type { Extension } from '../wire/extension.ts'
import {
  encodeKeyPackage,
  encodeKeyPackageContent,
  KEY_PACKAGE_SIZE_HINT,
  type KeyPackage,
  type KeyPackageContent,
  keyPackageTbs,
} from '../wire/key-package.ts'
import { type LeafNode, type LeafNodeContent, leafNodeTbs } from '../wire/leaf-node.ts'
import { MLS10 } from '../wire/registry.ts'
import {
  APP_DATA_DICTIONARY,
  appDataDictionaryOf,
  ComponentId,
  componentDataOf,
  withAdvertisedComponents,
  withComponentData,
  withDictionary,
} from './app-data.ts'
import { defaultCapabilities, greaseComponent, greaseExtension, withGrease } from './capabilities.ts'
import { leafAuthenticator } from './credentials.ts'
import type { KeyPackageBundle, KeyPackageOptions } from './options.ts'
import { policyOf } from './policy.ts'
import type { CredentialOccasion, Services } from './services.ts'

/**
 * A fresh KeyPackage with its private keys. Types of its extensions that the given capabilities lack are added to them.
 * @throws MlsError `bad_lifetime`, `duplicate_extension`
 */
export async function createKeyPackage(
  options: KeyPackageOptions,
  services: { readonly random: RandomSource },
): Promise<KeyPackageBundle> {
  const { suite, signer } = options
  const { random } = services
  const extensions = keyPackageExtensions(options, random)
  const [init, { leafNode, encryptionPrivateKey }] = await Promise.all([
    suite.generateHpkeKeyPair(random),
    createKeyPackageLeaf(options, extensions, random),
  ])
  const content: KeyPackageContent = {
    version: MLS10,
    cipherSuite: suite.id,
    initKey: init.publicKey,
    leafNode,
    extensions,
  }
  const signature = await signWithLabel(signer, 'KeyPackageTBS', keyPackageTbs(content))
  const keyPackage: KeyPackage = { ...content, signature }
  const reference = referenceOf(suite, keyPackage)
  return { keyPackage, reference, initPrivateKey: init.privateKey, encryptionPrivateKey }
}

/** A leaf as it stands in a KeyPackage, which is also how the creator of a group presents itself. */
export async function createKeyPackageLeaf(
  options: Omit<KeyPackageOptions, 'use' | 'keyPackageExtensions'>,
  besides: readonly Extension[],
  random: RandomSource,
): Promise<{ readonly leafNode: LeafNode; readonly encryptionPrivateKey: Uint8Array }> {
  const { suite, signer, credential, lifetime, extensions = [] } = options
  if (lifetime.notAfter < lifetime.notBefore) throw usage('bad_lifetime', 'a lifetime ends before it begins')
  const listed =
    options.capabilities ?? defaultCapabilities(suite.id, credentialTypeOf(credential), [...extensions, ...besides])
  const greased = options.grease === 'omit' ? listed : withGrease(listed, random)
  // RFC 9420 §7.2, §13.5: what stands among the extensions, GREASE included, is listed
  const used = [...extensions, ...besides].map((extension) => extension.extensionType)
  const unlisted = used.filter((type) => !isDefaultExtension(type) && !greased.extensions.includes(type))
  const capabilities = { ...greased, extensions: [...greased.extensions, ...unlisted] }
  const isAdvertising = options.grease !== 'omit' && capabilities.extensions.includes(APP_DATA_DICTIONARY)
  const encryption = await suite.generateHpkeKeyPair(random)
  const content: LeafNodeContent = {
    encryptionKey: encryption.publicKey,
    signatureKey: signer.publicKey.slice(),
    credential,
    capabilities,
    source: { leafNodeSource: 'key_package', lifetime },
    extensions: withAdvertisedComponents(capabilities, extensions, isAdvertising ? [greaseComponent(random)] : []),
  }
  const signature = await signWithLabel(signer, 'LeafNodeTBS', leafNodeTbs(content, undefined))
  return { leafNode: { ...content, signature }, encryptionPrivateKey: encryption.privateKey }
}

function keyPackageExtensions(options: KeyPackageOptions, random: RandomSource): readonly Extension[] {
  const given = options.keyPackageExtensions ?? []
  checkExtensionsDistinct(given)
  const marked = options.use === 'last_resort' ? withLastResort(given) : given
  return options.grease === 'omit' ? marked : [...marked, greaseExtension(random)]
}

function withLastResort(extensions: readonly Extension[]): readonly Extension[] {
  const dictionary = withComponentData(
    appDataDictionaryOf(extensions),
    ComponentId.lastResortKeyPackage,
    new Uint8Array(0),
  )
  return withDictionary(extensions, dictionary)
}

/** Whether a KeyPackage says that it may be used more than once (MLS extensions draft, "Last-Resort KeyPackages"). */
export function isLastResort(keyPackage: KeyPackage): boolean {
  return componentDataOf(keyPackage.extensions, ComponentId.lastResortKeyPackage) !== undefined
}

/** `KeyPackageRef`, KDF.Nh bytes. */
export function referenceOf(suite: CipherSuite, keyPackage: KeyPackage): Uint8Array {
  return keyPackageRef(suite, {
    sizeHint: KEY_PACKAGE_SIZE_HINT,
    encode: (writer) => encodeKeyPackage(writer, keyPackage),
  })
}

export interface KeyPackageContext {
  /** The group that it is meant for: its id and GroupContext extensions. */
  readonly group?: { readonly groupId: Uint8Array; readonly extensions: readonly Extension[] } | undefined
  readonly occasion?: CredentialOccasion
  /** Whether the lifetime is compared with `services.now`. Default: yes. */
  readonly lifetime?: 'check' | 'ignore'
}

/**
 * RFC 9420 §10.1, with the Authentication Service's word on the credential.
 * @throws MlsError `key_package_mismatch`, `bad_init_key`, `init_key_reused`, `bad_key_package_signature`,
 * `extension_not_listed`, and those of the leaf node's validation
 */
export async function validateKeyPackage(
  suite: CipherSuite,
  keyPackage: KeyPackage,
  services: Pick<Services, 'authenticate' | 'now' | 'policy'>,
  context: KeyPackageContext = {},
): Promise<void> {
  const { leafNode, initKey, extensions } = keyPackage
  if (keyPackage.version !== MLS10 || keyPackage.cipherSuite !== suite.id) {
    throw invalid('key_package_mismatch', 'a key package is for another version or cipher suite') // RFC 9420 §10.1
  }
  checkEncryptionKey(suite, initKey) // RFC 9420 §10: init_key MUST be a public key of the cipher suite
  if (equalBytes(initKey, leafNode.encryptionKey)) {
    throw invalid('init_key_reused', 'a key package has one key for two purposes') // RFC 9420 §10.1
  }
  checkExtensionsDistinct(extensions) // RFC 9420 §13.4
  for (const { extensionType } of extensions) {
    if (!isDefaultExtension(extensionType) && !leafNode.capabilities.extensions.includes(extensionType)) {
      // RFC 9420 §10: extensions of a KeyPackage MUST be included in its capabilities
      throw invalid('extension_not_listed', 'a key package has an extension that it does not list', { extensionType })
    }
  }
  const policy = policyOf(services)
  const tbs = { sizeHint: KEY_PACKAGE_SIZE_HINT, encode: (w: Writer) => encodeKeyPackageContent(w, keyPackage) }
  const [signed] = await Promise.all([
    verifyWithLabel(suite, leafNode.signatureKey, 'KeyPackageTBS', tbs, keyPackage.signature),
    validateLeafNode(suite, leafNode, {
      source: 'key_package', // RFC 9420 §10: leaf_node_source MUST be key_package
      groupExtensions: context.group?.extensions ?? [],
      now: context.lifetime === 'ignore' ? undefined : services.now,
      lifetimeMaxSeconds: policy.lifetimeMaxSeconds,
      authenticate: leafAuthenticator(services, context.occasion ?? 'key_package', context.group?.groupId),
    }),
  ])
  // RFC 9420 §10: a KeyPackage with an invalid signature MUST be considered malformed
  if (!signed) throw invalid('bad_key_package_signature', 'the signature of a key package is not valid')
}
