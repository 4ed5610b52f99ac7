/** The command as its users meet it: a process with arguments, an exit status and two streams. */
import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { openLevelStore } from '@dmls/store-level'
import { describe, expect, test } from 'vitest'

const MAIN: string = fileURLToPath(new URL('../../src/main.ts', import.meta.url))

interface Ended {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

function dmls(args: readonly string[], { input = '', flags = [] as readonly string[] } = {}): Promise<Ended> {
  const child = spawn(process.execPath, ['--conditions=dmls-source', ...flags, MAIN, ...args])
  let out = ''
  let err = ''
  child.stdout.on('data', (part) => {
    out += part
  })
  child.stderr.on('data', (part) => {
    err += part
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(input)
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, out, err })))
}

function folder(): string {
  return mkdtempSync(join(tmpdir(), 'dmls-process-'))
}

const ONE_LINE = /^dmls: [^\n]+\n$/

describe('dmls as a process', () => {
  test('an unknown command is one line on standard error and status 2', async () => {
    const { status, out, err } = await dmls(['demmo'])
    expect({ status, out }).toEqual({ status: 2, out: '' })
    expect(err).toBe('dmls: there is no command "demmo"; did you mean demo?\n')
  })

  test('on a Node that is too old it says so and does nothing else', async () => {
    const old = "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.20.2' } })"
    const { status, out, err } = await dmls(['demo'], {
      flags: ['--import', `data:text/javascript,${encodeURIComponent(old)}`],
    })
    expect({ status, out, err }).toEqual({ status: 1, out: '', err: 'dmls needs Node 22 or newer; this is 20.20.2.\n' })
  })

  test('a store that another process has open is one line', async () => {
    const store = join(folder(), 'store')
    const opened = await openLevelStore(store)
    const { status, out, err } = await dmls(['member', '--store', join(store, '..')])
    await opened.close()
    expect({ status, out }).toEqual({ status: 1, out: '' })
    expect(err).toMatch(ONE_LINE)
    expect(err).toContain('another process has the store open')
  })

  test('a port in use is one line', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    const { status, out, err } = await dmls(['member', '--store', folder(), '--listen', `/ip4/127.0.0.1/tcp/${port}`])
    server.close()
    expect({ status, out }).toEqual({ status: 1, out: '' })
    expect(err).toMatch(ONE_LINE)
    expect(err).toContain('in use')
  })

  test('an address that is none is one line', async () => {
    const { status, err } = await dmls(['member', '--store', folder(), '--listen', 'localhost:80'])
    expect(status).toBe(1)
    expect(err).toMatch(ONE_LINE)
  })

  test('whoever stops reading is not told about it, and a disk that is full is one line', async () => {
    const command = `"${process.execPath}" --conditions=dmls-source "${MAIN}" demo --out "${folder()}"`
    const shell = async (script: string): Promise<Ended> => {
      const child = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'] })
      const [out, err] = [text(child.stdout), text(child.stderr)]
      const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
      return { status, out: await out, err: await err }
    }
    expect(await shell(`${command} | head -2 >/dev/null; exit \${PIPESTATUS[0]}`)).toEqual({
      status: 141,
      out: '',
      err: '',
    })
    if (process.platform !== 'linux') return
    const full = await shell(`${command} >/dev/full`)
    expect(full).toMatchObject({
      status: 1,
      err: expect.stringMatching(/^dmls: standard output takes no more: [^\n]+\n$/),
    })
  })

  test('a member answers requests and ends with its input, and its history can be looked at afterwards', async () => {
    const store = folder()
    const { status, out, err } = await dmls(['member', '--store', store], {
      input: '{"id":1,"do":"create"}\n',
    })
    expect({ status, err }).toEqual({ status: 0, err: '' })
    const reports = out
      .trimEnd()
      .split('\n')
      .map((line): unknown => JSON.parse(line))
    expect(reports[0]).toMatchObject({ type: 'ready' })
    expect(reports).toContainEqual(expect.objectContaining({ type: 'reply', id: 1, ok: true }))

    const shown = await dmls(['dag', '--store', store])
    expect(shown).toMatchObject({ status: 0, err: '' })
    expect(shown.out).toMatch(/^◉ {2}epoch 0 {2}[0-9a-f]{8} .*founds the group {2}← head\n$/)
    const asJson = await dmls(['dag', '--store', store, '--json'])
    expect(JSON.parse(asJson.out)).toMatchObject({ epochs: [{ epoch: 0 }] })
  })
})
