/** One clear line for whatever went wrong: what it is and, where there is something to do about it, what to do. */
import { DeliveryError, StoreError } from '@dmls/client/ports'
import { CliError } from './cli-error.ts'

/** The line, without a line end. */
export function explain(error: unknown): string {
  if (error instanceof CliError) return oneLine(error.message)
  if (error instanceof StoreError) return explainStore(error)
  if (error instanceof DeliveryError) return explainDelivery(error)
  if (isFileError(error)) return `${error.path}: ${FILE_FAILURES[error.code]}`
  return oneLine(error instanceof Error ? error.message : String(error))
}

/** What can be wrong with a file or a folder that the user named. */
const FILE_FAILURES: Readonly<Record<string, string>> = {
  EACCES: 'no permission',
  EEXIST: 'there is something else at that place',
  EISDIR: 'it is a folder',
  ENOENT: 'there is no such file or folder',
  ENOSPC: 'the disk is full',
  ENOTDIR: 'a part of the path is not a folder',
  EPERM: 'no permission',
  EROFS: 'the file system cannot be written to',
}

function isFileError(error: unknown): error is { readonly code: string; readonly path: string } {
  if (typeof error !== 'object' || error === null || !('code' in error && 'path' in error)) return false
  return typeof error.path === 'string' && typeof error.code === 'string' && Object.hasOwn(FILE_FAILURES, error.code)
}

/** What listening on an address can fail of, by the code of the operating system. */
const LISTEN_FAILURES: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use',
  EADDRNOTAVAIL: 'this machine does not have the address',
  EACCES: 'this user may not listen on the port',
}

function explainDelivery({ message }: DeliveryError): string {
  const [, code = '', address = ''] = /listen (E[A-Z]+)\b[^\n]* (\S+)$/m.exec(message) ?? []
  const failure = LISTEN_FAILURES[code]
  return failure === undefined ? oneLine(message) : `${failure}: ${address}`
}

function explainStore(error: StoreError): string {
  const folder = error.fields.folder === undefined ? '' : ` (${error.fields.folder})`
  switch (error.code) {
    case 'store_locked':
      return `another process has the store open${folder}; end it first`
    case 'store_version':
      return `the store was written by another version of dmls: ${oneLine(error.message)}`
    case 'store_corrupted':
      return `the store is damaged: ${oneLine(error.message)}`
    case 'store_wrong_key':
    case 'store_read_only':
    case 'store_failed':
    case 'store_closed':
      return `the store does not work: ${oneLine(error.message)}`
  }
}

function oneLine(message: string): string {
  return message.replace(/\s*\n\s*/g, ' ').trim()
}
