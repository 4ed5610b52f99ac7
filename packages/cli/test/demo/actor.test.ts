/** A member's process that dies, and what becomes of what it was asked. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Actor } from '../../src/demo/actor.ts'

/** Dies of the first request that it gets, and after its restart answers with how often it was started. */
const DIES_ONCE = `
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
const starts = import.meta.filename + '.starts'
const start = existsSync(starts) ? Number(readFileSync(starts, 'utf8')) + 1 : 1
writeFileSync(starts, String(start))
const say = (report) => console.log(JSON.stringify(report))
say({ type: 'ready', state: { identity: 'aa', peer: 'peer-' + start, addresses: [], peers: [] } })
createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, do: what } = JSON.parse(line)
  if (what === 'close') process.exit()
  if (start === 1) process.kill(process.pid, 'SIGKILL')
  else say({ type: 'reply', id, ok: true, value: start })
})
`

test('a request that its process did not live to answer is made again, and only then', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dmls-actor-'))
  const path = join(folder, 'member.mjs')
  writeFileSync(path, DIES_ONCE)
  const revived: string[] = []
  const actor = new Actor({
    name: 'charlie',
    program: [path],
    storesFolder: folder,
    onChange: () => undefined,
    onReady: () => undefined,
    onEpoch: () => undefined,
    onRevival: (_, { signal }) => revived.push(String(signal)),
    onHopeless: () => undefined,
  })
  try {
    await actor.start()
    expect(await actor.call({ do: 'state' })).toBe(2)
    expect(await actor.call({ do: 'state' })).toBe(2)
    expect(revived).toEqual(['SIGKILL'])
    expect(actor.starts).toBe(2)
  } finally {
    await actor.stop()
  }
})
