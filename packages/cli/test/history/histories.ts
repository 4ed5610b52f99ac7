/** Small histories to draw. */
import type { EpochHistory, EpochRecord } from '../../src/history/history.ts'

export function epoch(
  id: string,
  parent: string | undefined,
  number: number,
  committer: string,
  more: Partial<EpochRecord> = {},
): EpochRecord {
  const base = { id, epoch: number, committer, resolves: [], added: [], removed: [], settingsChanged: false, ...more }
  return parent === undefined ? base : { ...base, parent }
}

const FOUNDING: readonly EpochRecord[] = [
  epoch('aaaaaaaa00', undefined, 0, 'alice'),
  epoch('bbbbbbbb00', 'aaaaaaaa00', 1, 'alice', { added: ['bob', 'charlie', 'dave'] }),
]

export const STRAIGHT: EpochHistory = {
  epochs: [...FOUNDING, epoch('cccccccc00', 'bbbbbbbb00', 2, 'bob', { removed: ['dave'], settingsChanged: true })],
  head: 'cccccccc00',
  openHeads: ['cccccccc00'],
}

export const FORKED: EpochHistory = {
  epochs: [
    ...FOUNDING,
    epoch('c1c1c1c100', 'bbbbbbbb00', 2, 'bob', { added: ['grace'] }),
    epoch('d1d1d1d100', 'bbbbbbbb00', 2, 'dave', { removed: ['charlie'] }),
    epoch('d2d2d2d200', 'd1d1d1d100', 3, 'alice'),
  ],
  head: 'd2d2d2d200',
  openHeads: ['c1c1c1c100', 'd2d2d2d200'],
}

export const MERGED: EpochHistory = {
  epochs: [
    ...FORKED.epochs,
    epoch('eeeeeeee00', 'd2d2d2d200', 4, 'dave', { resolves: ['c1c1c1c100'], added: ['grace'] }),
    epoch('ffffffff00', 'eeeeeeee00', 5, 'grace'),
  ],
  head: 'ffffffff00',
  openHeads: ['ffffffff00'],
}

/** Three branches, and two merges that cross. */
export const CROSSED: EpochHistory = {
  epochs: [
    epoch('0000000000', undefined, 0, 'alice'),
    epoch('a100000000', '0000000000', 1, 'alice'),
    epoch('b100000000', '0000000000', 1, 'bob'),
    epoch('c100000000', '0000000000', 1, 'charlie'),
    epoch('a200000000', 'a100000000', 2, 'alice', { resolves: ['b100000000', 'c100000000'] }),
    epoch('b200000000', 'b100000000', 2, 'bob', { resolves: ['a100000000'] }),
    epoch('a300000000', 'a200000000', 3, 'dave', { resolves: ['b200000000'] }),
  ],
  head: 'a300000000',
  openHeads: ['a300000000'],
}

/** As somebody knows it who was welcomed later. */
export const WELCOMED: EpochHistory = {
  epochs: [
    { id: '9999999900', epoch: 7, resolves: [], added: [], removed: [], settingsChanged: false },
    epoch('8888888800', '9999999900', 8, 'alice', { resolves: ['7777777700'] }),
  ],
  head: '8888888800',
  openHeads: ['8888888800'],
}
