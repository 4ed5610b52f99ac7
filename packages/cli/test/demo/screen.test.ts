import { describe, expect, test } from 'vitest'
import { Screen } from '../../src/demo/screen.ts'
import { styleFor } from '../../src/terminal-style.ts'

const CLEAR = '\r\u001b[2K'

function screen(isTTY: boolean, columns = 40): { readonly screen: Screen; readonly written: () => string } {
  let written = ''
  const output = { isTTY, columns, write: (text: string) => (written += text) }
  return { screen: new Screen(output, styleFor({}, {})), written: () => written }
}

describe('the screen of the demonstration', () => {
  test('on a terminal the line at the bottom is overwritten by the next one, and by what is told', () => {
    const { screen: terminal, written } = screen(true)
    terminal.progress('1 of 3')
    terminal.progress('1 of 3')
    terminal.progress('2 of 3')
    terminal.lines(['done'])
    terminal.lines(['really'])
    expect(written()).toBe(`${CLEAR}1 of 3${CLEAR}2 of 3${CLEAR}done\nreally\n`)
  })

  test('a line at the bottom that is wider than the terminal is cut, or it could not be overwritten', () => {
    const { screen: terminal, written } = screen(true, 10)
    terminal.progress('0123456789abcdef')
    expect(written()).toBe(`${CLEAR}012345678`)
  })

  test('where there is no terminal there is no progress, only what happened', () => {
    const { screen: file, written } = screen(false)
    file.progress('1 of 3')
    file.tell('alice', 'founds the group')
    file.tell('dave', 'commits', 1)
    expect(written()).toMatch(/^ +\d+\.\d s {5}alice {4}founds the group\n +\d+\.\d s {2}B {2}dave {5}commits\n$/)
  })
})
