/** Message framing: what is signed, tagged and encrypted. RFC 9420 §6. */
export * from './authenticated-content.ts'
export * from './padding.ts'
export {
  type ProtectedMessage,
  type ProtectPrivateOptions,
  protectPrivate,
  type UnprotectedMessage,
  type UnprotectPrivateOptions,
  unprotectPrivate,
} from './private-message.ts'
export { protectPublic, unprotectPublic } from './public-message.ts'
