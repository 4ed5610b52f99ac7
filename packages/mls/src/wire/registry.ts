/** Registered values of RFC 9420 §17. Open registries: any 16-bit value may arrive, these are the ones we act on. */

export const MLS10 = 1

/** RFC 9420 §17.3 */
export const ExtensionType = {
  applicationId: 0x0001,
  ratchetTree: 0x0002,
  requiredCapabilities: 0x0003,
  externalPub: 0x0004,
  externalSenders: 0x0005,
} as const

/** RFC 9420 §17.4 */
export const ProposalType = {
  add: 0x0001,
  update: 0x0002,
  remove: 0x0003,
  psk: 0x0004,
  reinit: 0x0005,
  externalInit: 0x0006,
  groupContextExtensions: 0x0007,
} as const

/** MLS extensions draft: proposal types that a client has to list in its capabilities. */
export const DraftProposalType = { appDataUpdate: 0x0008, appEphemeral: 0x0009, selfRemove: 0x000a } as const

/** RFC 9420 §17.5 */
export const CredentialType = { basic: 0x0001, x509: 0x0002 } as const

/** Whether a value is one of the GREASE values of RFC 9420 §13.5: `0x?A?A` with equal nibbles, below 0xEAEA. */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >> 8 === (value & 0xff) && value <= 0xeaea
}
