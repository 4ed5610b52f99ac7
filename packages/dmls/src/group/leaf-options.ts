/** How a client of the profile presents itself in a leaf: its credential, and that it knows the group policy. */
import type { CipherSuite } from '@dmls/crypto'
import { type Credential, credentialTypeOf, defaultCapabilities, type LeafOptions } from '@dmls/mls'
import { DMLS_POLICY_EXTENSION } from '../message/group-policy.ts'

/** RFC 9420 §7.2: every type in the GroupContext must be among a leaf's capabilities. */
export function leafOptions(suite: CipherSuite, credential: Credential): LeafOptions {
  const policy = { extensionType: DMLS_POLICY_EXTENSION, extensionData: new Uint8Array(0) }
  return { credential, capabilities: defaultCapabilities(suite.id, credentialTypeOf(credential), [policy]) }
}
