/**
 * The lines between a member and whoever controls it: JSON requests in, JSON replies and reports out. Ends when the
 * input ends, so that a member never outlives the program that started it.
 */
import { createInterface } from 'node:readline'
import type { Output } from '../io.ts'
import type { Failure, MemberReport, MemberRequest, NumberedRequest } from './protocol.ts'

export interface SessionOptions {
  readonly input: NodeJS.ReadableStream
  readonly stop: AbortSignal
  readonly report: (report: MemberReport) => void
  handle(request: Exclude<MemberRequest, { do: 'close' }>): Promise<unknown>
}

/**
 * Serves requests until `close` is asked for, the stop signal comes, or the input ends; in the last case it finishes
 * those that it has begun.
 */
export async function serveRequests({ input, stop, report, handle }: SessionOptions): Promise<void> {
  const lines = createInterface({ input, terminal: false })
  const running = new Set<Promise<void>>()
  let isHurried = false
  const close = (): void => {
    isHurried = true
    lines.close()
  }
  stop.addEventListener('abort', close, { once: true })
  if (stop.aborted) close()
  lines.on('line', (line) => {
    if (line.trim() === '') return
    const request = parseRequest(line)
    if ('message' in request) {
      const { id, ...error } = request
      report({ type: 'reply', id, ok: false, error })
      return
    }
    if (request.do === 'close') {
      report({ type: 'reply', id: request.id, ok: true })
      close()
      return
    }
    const answered = answer(request, request.id)
    running.add(answered)
    void answered.finally(() => running.delete(answered))
  })
  const answer = async (request: Exclude<MemberRequest, { do: 'close' }>, id: number): Promise<void> => {
    try {
      report({ type: 'reply', id, ok: true, value: await handle(request) })
    } catch (error) {
      report({ type: 'reply', id, ok: false, error: failureOf(error) })
    }
  }
  await new Promise<void>((resolve) => lines.on('close', resolve))
  if (!isHurried) await Promise.all(running)
  stop.removeEventListener('abort', close)
}

/** Writes reports as lines. */
export function lineWriter(output: Output): (report: MemberReport) => void {
  return (report) => {
    output.write(`${JSON.stringify(report)}\n`)
  }
}

/** What each request must carry besides its number. */
const FIELDS: Readonly<
  Record<MemberRequest['do'], readonly (readonly [name: string, test: (value: unknown) => boolean])[]>
> = {
  create: [],
  add: [['identities', isTextList]],
  remove: [['identities', isTextList]],
  update: [['after', isText]],
  send: [['text', isText]],
  admit: [['peers', (value) => value === null || isTextList(value)]],
  dial: [['addresses', isTextList]],
  state: [],
  history: [],
  close: [],
}

/** The request, or what is wrong with it and its number, if it has one. */
function parseRequest(line: string): NumberedRequest | (Failure & { readonly id: number | null }) {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    return badRequest(null, 'a request is one JSON object on one line')
  }
  const request = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>
  if (!Number.isSafeInteger(request.id)) return badRequest(null, 'a request has a number as its id')
  const id = request.id as number
  if (typeof request.do !== 'string' || !Object.hasOwn(FIELDS, request.do)) {
    return badRequest(id, `"do" is one of ${Object.keys(FIELDS).join(', ')}`)
  }
  const wrong = FIELDS[request.do as MemberRequest['do']].find(([name, test]) => !test(request[name]))
  if (wrong !== undefined) return badRequest(id, `"${request.do}" needs ${wrong[0]}`)
  return request as unknown as NumberedRequest
}

function badRequest(id: number | null, message: string): Failure & { readonly id: number | null } {
  return { id, code: 'bad_request', message }
}

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error)
  if (typeof error === 'object' && error !== null && 'code' in error) return { code: String(error.code), message }
  // Nobody meant to throw this: where it comes from helps whoever has to find out.
  const place = error instanceof Error ? /\n\s+(at .*)/.exec(error.stack ?? '')?.[1] : undefined
  return { code: 'unexpected', message: place === undefined ? message : `${message} (${place})` }
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText)
}
