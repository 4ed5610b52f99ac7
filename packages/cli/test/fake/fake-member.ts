/** What `dmls member` is to the demonstration, with the fake client below it. */

import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import { MemberHost } from '../../src/member/host.ts'
import { Journal } from '../../src/member/journal.ts'
import { lineWriter, serveRequests } from '../../src/member/session.ts'
import { openFakeNode } from './fake-node.ts'

const { values } = parseArgs({
  options: { store: { type: 'string' }, shut: { type: 'boolean' }, deaf: { type: 'boolean' } },
})
const folder = values.store ?? ''
const report = lineWriter(process.stdout)
const { mkdirSync } = await import('node:fs')
mkdirSync(folder, { recursive: true })
const host = new MemberHost({ journal: new Journal(join(folder, 'journal.ndjson')), report })
const node = await openFakeNode({
  folder: join(folder, 'store'),
  observer: host.observer,
  isDeaf: values.deaf ?? false,
})
host.start(node)
const stop = new AbortController()
await serveRequests({ input: process.stdin, stop: stop.signal, report, handle: (request) => host.handle(request) })
host.stop()
await node.close()
process.exit()
