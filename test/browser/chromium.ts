/** Finding a Chromium and showing it one page, until the page has reported. Driven by nothing but its command line. */
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'microsoft-edge']
const ELSEWHERE = ['/Applications/Google Chrome.app/Contents/MacOS/Google Chrome']

/** Nothing but the page: no first run, no calls home, no look at what the user has. */
const FLAGS = [
  '--headless',
  '--disable-gpu',
  '--disable-quic',
  '--disable-sync',
  '--disable-extensions',
  '--disable-component-update',
  '--disable-background-networking',
  '--no-first-run',
  '--no-default-browser-check',
]

/** Path of a browser: the one that DMLS_BROWSER names, or the first that is installed; none if it is empty. */
export function findBrowser(): string | undefined {
  const { DMLS_BROWSER, PATH = '' } = process.env
  if (DMLS_BROWSER !== undefined) return DMLS_BROWSER === '' ? undefined : DMLS_BROWSER
  const candidates = PATH.split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name)))
  return [...candidates, ...ELSEWHERE].find(isExecutable)
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** What the page posted, and which browser it was. */
export interface Shown {
  readonly body: string
  readonly userAgent: string
}

/** Answers GET requests from `files`, shows `/` to the browser, and returns what the page posts to `/report`. */
export async function showPage(
  browser: string,
  files: ReadonlyMap<string, { readonly type: string; readonly body: string }>,
  timeoutMs: number,
): Promise<Shown> {
  const { promise: reported, resolve, reject } = Promise.withResolvers<Shown>()
  const server = createServer((request, response) => {
    if (request.method === 'POST' && request.url === '/report') {
      response.end()
      text(request).then((body) => resolve({ body, userAgent: request.headers['user-agent'] ?? '' }), reject)
      return
    }
    const file = files.get(request.url ?? '')
    if (file === undefined) response.writeHead(404).end()
    else response.writeHead(200, { 'content-type': file.type }).end(file.body)
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const profile = await mkdtemp(join(tmpdir(), 'dmls-browser-'))
  // Chromium refuses to run as root with its sandbox; the page is our own.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const process_ = spawn(browser, [...FLAGS, ...sandbox, `--user-data-dir=${profile}`, `http://localhost:${port}/`], {
    stdio: 'ignore',
  })
  const timer = setTimeout(() => reject(new Error(`no report within ${timeoutMs} ms`)), timeoutMs)
  const ended = new Promise<void>((gone) => {
    process_.on('error', (error) => {
      reject(error)
      gone()
    })
    process_.on('exit', (code) => {
      reject(new Error(`the browser ended with ${code}`))
      gone()
    })
  })
  try {
    return await reported
  } finally {
    clearTimeout(timer)
    process_.kill('SIGKILL')
    await ended
    server.closeAllConnections()
    server.close()
    await rm(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 })
  }
}
