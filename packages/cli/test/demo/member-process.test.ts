/** How the end of a member's process is told. */
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { MemberDied, MemberProcess } from '../../src/demo/member-process.ts'

/** Ends at once; its standard output stays open until the process that it names is killed. */
const ENDS_UNREAD = `
import { spawn } from 'node:child_process'
const heir = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)'], { stdio: ['ignore', 'inherit', 'ignore'] })
console.log(JSON.stringify({ type: 'notice', text: String(heir.pid) }))
heir.unref()
`

/** The operating system has forgotten the process: its end has been noticed here. */
async function isGone(pid: number): Promise<void> {
  while (true) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await sleep(5)
  }
}

test('who asks a process that has ended hears of it after the end was told, and so does not ask it again', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'dmls-member-')), 'member.mjs')
  writeFileSync(path, ENDS_UNREAD)
  const heir = Promise.withResolvers<number>()
  const order: string[] = []
  const member = new MemberProcess([path], {
    onReport: (report) => report.type === 'notice' && heir.resolve(Number(report.text)),
    onEnd: () => order.push('the end is told'),
  })
  const pid = await heir.promise
  await isGone(member.pid as number)
  const asked = member.request({ do: 'state' }).catch((error: unknown) => {
    expect(error).toBeInstanceOf(MemberDied)
    order.push('the request is refused')
  })
  // time enough for an answer that comes too early
  await sleep(0)
  expect(order).toEqual([])
  process.kill(pid, 'SIGKILL')
  await asked
  expect(order).toEqual(['the end is told', 'the request is refused'])
})
