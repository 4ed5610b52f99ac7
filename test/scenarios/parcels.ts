/** What is on the wire, as anybody sees it. */
import { toHex } from '@dmls/crypto'
import { type DmlsEpoch, decodeAuthenticatedData, decodeDmlsMessage } from '@dmls/dmls'
import { decodeKeyPackage, decodeMlsMessage, decodeWhole, type KeyPackage, messageHeader } from '@dmls/mls'

export function isWelcome(message: Uint8Array): boolean {
  try {
    return decodeMlsMessage(message).wireFormat === 'mls_welcome'
  } catch {
    return false
  }
}

export function isWire(message: Uint8Array): boolean {
  try {
    decodeDmlsMessage(message)
    return true
  } catch {
    return false
  }
}

export function isCommitIn(bytes: Uint8Array, epoch: DmlsEpoch): boolean {
  if (!isWire(bytes)) return false
  const { message, dmlsEpoch } = decodeDmlsMessage(bytes)
  return toHex(dmlsEpoch) === epoch && messageHeader(message)?.contentType === 'commit'
}

/** A request to be brought back, or what a newcomer shows that lets itself in. */
export function keyPackageIn(bytes: Uint8Array): KeyPackage | undefined {
  if (isWelcome(bytes)) return undefined
  if (!isWire(bytes)) {
    const message = decodeMlsMessage(bytes)
    return message.wireFormat === 'mls_key_package' ? message.keyPackage : undefined
  }
  const { message } = decodeDmlsMessage(bytes)
  if (message.wireFormat !== 'mls_public_message') return undefined
  const { authenticatedData } = message.publicMessage.content
  const { application } = decodeAuthenticatedData(authenticatedData)
  return application.length === 0 ? undefined : decodeWhole(application, decodeKeyPackage)
}
