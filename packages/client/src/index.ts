export type * from './api.ts'
export { type VerifyEquivocationOptions, verifyEquivocation } from './evidence.ts'
export {
  certifyGroupKey,
  createIdentity,
  type Identity,
  identityFromPrivateKey,
  loadOrCreateIdentity,
  selfCertifyingAuthenticator,
} from './identity.ts'
export { openClient } from './open-client.ts'
export type * from './ports.ts'
export { systemClock } from './system-clock.ts'
