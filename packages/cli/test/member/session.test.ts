import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import type { MemberReport, MemberRequest } from '../../src/member/protocol.ts'
import { serveRequests } from '../../src/member/session.ts'

interface Session {
  readonly input: PassThrough
  readonly reports: MemberReport[]
  readonly stop: AbortController
  readonly ended: Promise<void>
}

function start(handle: (request: MemberRequest) => Promise<unknown>): Session {
  const input = new PassThrough()
  const reports: MemberReport[] = []
  const stop = new AbortController()
  const ended = serveRequests({ input, stop: stop.signal, report: (report) => reports.push(report), handle })
  return { input, reports, stop, ended }
}

describe('the lines that control a member', () => {
  test('replies carry the number of their request, whatever order they are ready in', async () => {
    const slow = Promise.withResolvers<string>()
    const { input, reports, ended } = start(async (request) => (request.do === 'state' ? slow.promise : 'quick'))
    input.write('{"id":1,"do":"state"}\n{"id":2,"do":"history"}\n')
    await new Promise(setImmediate)
    slow.resolve('slow')
    await new Promise(setImmediate)
    input.end()
    await ended
    expect(reports).toEqual([
      { type: 'reply', id: 2, ok: true, value: 'quick' },
      { type: 'reply', id: 1, ok: true, value: 'slow' },
    ])
  })

  test('a request that fails says so with its code', async () => {
    const { input, reports, ended } = start(async () => {
      throw Object.assign(new Error('not now'), { code: 'busy' })
    })
    input.end('{"id":1,"do":"create"}\n')
    await ended
    await new Promise(setImmediate)
    expect(reports).toEqual([{ type: 'reply', id: 1, ok: false, error: { code: 'busy', message: 'not now' } }])
  })

  test.each([
    'no json',
    '[]',
    'null',
    '{"do":"create"}',
    '{"id":"1","do":"create"}',
    '{"id":1.5,"do":"create"}',
    '{"id":1}',
    '{"id":1,"do":"frobnicate"}',
    '{"id":1,"do":"__proto__"}',
    '{"id":1,"do":"add"}',
    '{"id":1,"do":"add","identities":"aa"}',
    '{"id":1,"do":"add","identities":[1]}',
    '{"id":1,"do":"send","text":7}',
    '{"id":1,"do":"admit"}',
  ])('%s is refused under its number, if it has one, and reaches nobody', async (line) => {
    const requests: MemberRequest[] = []
    const { input, reports, ended } = start(async (request) => requests.push(request))
    input.end(`${line}\n`)
    await ended
    expect(requests).toEqual([])
    const id = line.startsWith('{"id":1,') || line === '{"id":1}' ? 1 : null
    expect(reports).toMatchObject([{ type: 'reply', id, ok: false, error: { code: 'bad_request' } }])
  })

  test('it ends when the input ends, when it is asked to, and when the process is told to stop', async () => {
    const first = start(async () => undefined)
    first.input.end()
    await first.ended
    const second = start(async () => undefined)
    second.input.write('{"id":9,"do":"close"}\n')
    await second.ended
    expect(second.reports).toEqual([{ type: 'reply', id: 9, ok: true }])
    const third = start(async () => undefined)
    third.stop.abort()
    await third.ended
  })
})
