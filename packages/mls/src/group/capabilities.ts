/**
 * What a client says that it supports (RFC 9420 §7.2), the GREASE values mixed into it (§13.5), and the choice of a
 * cipher suite that a group's first members share (§11).
 */
import type { RandomSource } from '@dmls/crypto'
import { isDefaultExtension } from '../tree/required-capabilities.ts'
import type { Extension } from '../wire/extension.ts'
import type { Capabilities } from '../wire/leaf-node.ts'
import { MLS10 } from '../wire/registry.ts'

/** Capabilities of a client with one suite and one type of credential, and the extensions that it is about to use. */
export function defaultCapabilities(
  cipherSuite: number,
  credentialType: number,
  extensions: readonly Extension[] = [],
): Capabilities {
  const used = extensions.map((extension) => extension.extensionType).filter((type) => !isDefaultExtension(type))
  return {
    versions: [MLS10],
    cipherSuites: [cipherSuite],
    extensions: [...new Set(used)],
    proposals: [],
    credentials: [credentialType],
  }
}

/** One of the fifteen values that RFC 9420 §13.5 reserves. */
export function greaseValue(random: RandomSource): number {
  const nibble = (random(1)[0] as number) % 15
  return nibble * 0x1010 + 0x0a0a
}

/** One of the eight values that the MLS extensions draft reserves among the components ("MLS Component Types"). */
export function greaseComponent(random: RandomSource): number {
  const nibble = (random(1)[0] as number) % 8
  return nibble * 0x1010 + 0x0a0a
}

/** The capabilities with a random GREASE value in each list that may carry one. */
export function withGrease(capabilities: Capabilities, random: RandomSource): Capabilities {
  const mixed = (values: readonly number[]): number[] => {
    const at = (random(1)[0] as number) % (values.length + 1)
    const grease = greaseValue(random)
    return values.includes(grease) ? [...values] : [...values.slice(0, at), grease, ...values.slice(at)]
  }
  return {
    versions: capabilities.versions,
    cipherSuites: mixed(capabilities.cipherSuites),
    extensions: mixed(capabilities.extensions),
    proposals: mixed(capabilities.proposals),
    credentials: mixed(capabilities.credentials),
  }
}

/** An extension that every receiver must ignore: a GREASE type with up to 31 random bytes. */
export function greaseExtension(random: RandomSource): Extension {
  return { extensionType: greaseValue(random), extensionData: random((random(1)[0] as number) % 32) }
}

/**
 * The first of our suites, best first, that all of the others support, or undefined (RFC 9420 §11: a group's creator
 * must take the best option that all members support).
 */
export function bestCipherSuite(preferred: readonly number[], others: readonly Capabilities[]): number | undefined {
  return preferred.find((suite) => others.every((capabilities) => capabilities.cipherSuites.includes(suite)))
}
