import { describe, expect, test } from 'vitest'
import type { EpochHistory } from '../../src/history/history.ts'
import { latest } from '../../src/history/order.ts'
import { renderText } from '../../src/history/text.ts'
import { styleFor, withoutStyle } from '../../src/terminal-style.ts'
import { CROSSED, FORKED, MERGED, STRAIGHT, WELCOMED } from './histories.ts'

const PLAIN = styleFor({}, {})

function draw(history: EpochHistory): string {
  return `\n${renderText(history, PLAIN).join('\n')}\n`
}

describe('the epoch DAG as text', () => {
  test('a history without forks is one line, the newest epoch on top', () => {
    expect(draw(STRAIGHT)).toBe(`
◉  epoch 2  cccccccc  bob    −dave new settings  ← head
●  epoch 1  bbbbbbbb  alice  +bob +charlie +dave
●  epoch 0  aaaaaaaa  alice  founds the group
`)
  })

  test('an open fork shows both heads and where they part', () => {
    expect(draw(FORKED)).toBe(`
◉    epoch 3  d2d2d2d2  alice  new keys  ← head
●    epoch 2  d1d1d1d1  dave   −charlie
│ ○  epoch 2  c1c1c1c1  bob    +grace  ← open
├─╯
●    epoch 1  bbbbbbbb  alice  +bob +charlie +dave
●    epoch 0  aaaaaaaa  alice  founds the group
`)
  })

  test('a merge is joined to the head that it resolves', () => {
    expect(draw(MERGED)).toBe(`
◉    epoch 5  ffffffff  grace  new keys  ← head
◆╌╮  epoch 4  eeeeeeee  dave   merges c1c1c1c1: +grace
│ ●  epoch 2  c1c1c1c1  bob    +grace
● │  epoch 3  d2d2d2d2  alice  new keys
● │  epoch 2  d1d1d1d1  dave   −charlie
├─╯
●    epoch 1  bbbbbbbb  alice  +bob +charlie +dave
●    epoch 0  aaaaaaaa  alice  founds the group
`)
  })

  test('merges that cross stay legible', () => {
    expect(draw(CROSSED)).toBe(`
◉╌╮      epoch 3  a3000000  dave     merges b2000000  ← head
│ ◆╌╮    epoch 2  b2000000  bob      merges a1000000
◆╌┼╌┼╌╮  epoch 2  a2000000  alice    merges b1000000, c1000000
│ │ ┊ ●  epoch 1  c1000000  charlie  new keys
│ ● ┊ │  epoch 1  b1000000  bob      new keys
├─┼─╯ │
● │   │  epoch 1  a1000000  alice    new keys
├─┴───╯
●        epoch 0  00000000  alice    founds the group
`)
  })

  test('a member that was welcomed later sees the history from there', () => {
    expect(draw(WELCOMED)).toBe(`
◉  epoch 8  88888888  alice  merges 77777777  ← head
●  epoch 7  99999999         welcomed here
`)
  })

  test('the newest epochs can be drawn without the rest', () => {
    expect(draw(latest(MERGED, 3))).toBe(`
◉    epoch 5  ffffffff  grace  new keys  ← head
◆╌╮  epoch 4  eeeeeeee  dave   merges c1c1c1c1: +grace
  ●  epoch 2  c1c1c1c1  bob    +grace
`)
  })

  test('a history of nothing is no lines', () => {
    expect(renderText({ epochs: [], head: '', openHeads: [] }, PLAIN)).toEqual([])
  })

  test('colours add nothing to what is seen, and NO_COLOR takes them away', () => {
    const coloured = renderText(MERGED, styleFor({ isTTY: true }, { TERM: 'xterm' }))
    expect(coloured.join('\n')).not.toBe(renderText(MERGED, PLAIN).join('\n'))
    expect(coloured.map(withoutStyle)).toEqual(renderText(MERGED, PLAIN))
    expect(renderText(MERGED, styleFor({ isTTY: true }, { NO_COLOR: '1' }))).toEqual(renderText(MERGED, PLAIN))
  })
})
