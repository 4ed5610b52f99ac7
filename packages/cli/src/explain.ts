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

/** What dialling somebody can fail of, by what libp2p says of it. */
const DIAL_FAILURES: readonly (readonly [said: RegExp, meaning: string])[] = [
  [/ECONNREFUSED/, 'nobody listens there'],
  [/ENOTFOUND|EAI_AGAIN/, 'there is no host of this name'],
  [/EHOSTUNREACH|ENETUNREACH/, 'there is no way to that machine'],
  [/ETIMEDOUT|aborted|timed? ?out/i, 'no answer'],
  [/does not match expected remote identity/, 'somebody else answers there: the part after /p2p/ is not theirs'],
  [/Can not dial self/, 'that is this program itself'],
  [/no valid addresses/, 'the address says no way to get there, such as /ip4/192.0.2.1/tcp/4001'],
  [/Incorrect length|Non-base58btc/, 'the part after /p2p/ is not the name of a peer'],
  [
    /newline|ECONNRESET|negotiat|upgrade|closed|EOF/i,
    'what answers there does not speak libp2p, or does not let us in',
  ],
]

function explainDelivery({ code, message, fields }: DeliveryError): string {
  if (code === 'bad_address') return `"${fields.address ?? ''}" is no address, such as /ip4/192.0.2.1/tcp/4001`
  if (code === 'unreachable') return DIAL_FAILURES.find(([said]) => said.test(message))?.[1] ?? oneLine(message)
  const [, failure = '', address = ''] = /listen (E[A-Z]+)\b[^\n]* (\S+)$/m.exec(message) ?? []
  const meaning = LISTEN_FAILURES[failure]
  if (meaning !== undefined) return `${meaning}: ${address}`
  const host = /getaddrinfo \w+ (\S+)/.exec(message)?.[1]
  return host === undefined ? oneLine(message) : `there is no host of this name: ${host}`
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
