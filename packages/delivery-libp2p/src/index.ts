/** `@dmls/delivery-libp2p`: the client's Delivery on libp2p, by gossipsub, backfill streams and lasting connections. */
export { DeliveryError, type DeliveryErrorCode } from '@dmls/client/ports'
export { type BackfillProgress, createLibp2pDelivery, type Libp2pDelivery } from './libp2p-delivery.ts'
export { DEFAULT_LIMITS, type Limits } from './limits.ts'
export { type Mailbox, type MailboxOptions, openMailbox } from './mailbox.ts'
export type { Libp2pDeliveryOptions, LogLine, TransportName } from './options.ts'
