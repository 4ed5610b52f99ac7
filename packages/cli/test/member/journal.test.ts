import { appendFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Journal } from '../../src/member/journal.ts'

const HELLO = { messageId: '01', sender: 'aa', text: 'hello', dmlsEpoch: 'e0', branch: 'chosen' } as const
const BYE = { ...HELLO, messageId: '02', text: 'bye' } as const

function path(): string {
  return join(mkdtempSync(join(tmpdir(), 'dmls-journal-')), 'journal.ndjson')
}

describe('the journal of a member', () => {
  test('what alice heard and said is there after a restart, in order', () => {
    const file = path()
    const journal = new Journal(file)
    expect(journal.noteReceived(HELLO)).toBe(true)
    expect(journal.noteReceived(BYE)).toBe(true)
    journal.noteSent({ text: 'hi', messageId: '03', wireIds: ['ff'] })
    const again = new Journal(file)
    expect(again.received()).toEqual([HELLO, BYE])
    expect(again.sent('hi')).toEqual({ text: 'hi', messageId: '03', wireIds: ['ff'] })
    expect(again.sent('ho')).toBeUndefined()
  })

  test('a message that is delivered twice is noted once', () => {
    const file = path()
    expect(new Journal(file).noteReceived(HELLO)).toBe(true)
    expect(new Journal(file).noteReceived(HELLO)).toBe(false)
    expect(new Journal(file).received()).toEqual([HELLO])
  })

  test('a line that a crash cut short is dropped, and swallows nothing', () => {
    const file = path()
    new Journal(file).noteReceived(HELLO)
    const whole = readFileSync(file, 'utf8')
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(file, whole + whole.slice(0, length))
      new Journal(file).noteReceived(BYE)
      expect(new Journal(file).received()).toEqual([HELLO, BYE])
    }
  })

  test('lines of something else are ignored', () => {
    const file = path()
    appendFileSync(file, '{"other":1}\nnull\n[]\n\n')
    expect(new Journal(file).received()).toEqual([])
  })
})
