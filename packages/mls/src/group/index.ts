/** The group state machine: RFC 9420 §10–§13 and the parts of the MLS extensions draft that belong to it. */
export * from './app-data.ts'
export * from './application.ts'
export * from './capabilities.ts'
export type * from './changes.ts'
export { createCommit } from './commit/create-commit.ts'
export * from './create-group.ts'
export * from './exporter.ts'
export * from './extensions.ts'
export { createGroupInfo } from './group-info.ts'
export * from './join.ts'
export * from './join-externally.ts'
export {
  createKeyPackage,
  isLastResort,
  type KeyPackageContext,
  referenceOf,
  validateKeyPackage,
} from './key-package.ts'
export * from './message-header.ts'
export type * from './options.ts'
export { defaultPolicy } from './policy.ts'
export * from './process-message.ts'
export type * from './profile.ts'
export type * from './proposals/custom.ts'
export * from './proposals/external-proposal.ts'
export { sendProposal, sendUpdate } from './proposals/send-proposal.ts'
export * from './reinit.ts'
export type * from './results.ts'
export * from './safe-components.ts'
export type * from './services.ts'
export type * from './state.ts'
export * from './state-codec.ts'
export * from './wipe.ts'
