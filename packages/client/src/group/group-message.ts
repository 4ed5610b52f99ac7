/** What a group's topic carries: messages of its epochs, and the key packages of members that ask to be brought back. */
import { type DmlsMessage, decodeDmlsMessage } from '@dmls/dmls'
import { decodeMlsMessage, type KeyPackage, MlsError } from '@dmls/mls'

export type GroupMessage =
  | { readonly kind: 'message'; readonly message: DmlsMessage }
  | { readonly kind: 'request'; readonly keyPackage: KeyPackage }

/** @throws MlsError `malformed` */
export function readGroupMessage(bytes: Uint8Array): GroupMessage {
  try {
    return { kind: 'message', message: decodeDmlsMessage(bytes) }
  } catch (error) {
    if (!(error instanceof MlsError) || error.code !== 'not_wrapped') throw error
    const message = decodeMlsMessage(bytes)
    if (message.wireFormat !== 'mls_key_package') throw error
    return { kind: 'request', keyPackage: message.keyPackage }
  }
}

/** The ledger files requests under whom they would replace. */
export function requestShelf(instance: string): string {
  return `request ${instance}`
}
