/** What the writing process writes, and how a reader recognises it. */
import type { StoreOperation } from '@dmls/client/ports'
import { utf8 } from '@dmls/crypto'

/** How many batches a key stays. */
export const KEPT = 40

export function batch(n: number): readonly StoreOperation[] {
  const value = utf8(`value ${n}`)
  return [
    { type: 'put', key: utf8('last'), value },
    { type: 'put', key: utf8(`a/${n}`), value },
    { type: 'put', key: utf8(`b/${n}`), value: new Uint8Array(3000).fill(n) },
    { type: 'delete', key: utf8(`a/${n - KEPT}`) },
    { type: 'delete', key: utf8(`b/${n - KEPT}`) },
  ]
}
