/** What a store holds, to compare and to search. */
import { toHex } from '@dmls/crypto'
import type { Store } from '../src/ports.ts'

/** Everything under a prefix, or everything: hexadecimal values by hexadecimal keys. */
export async function contentsOf(
  store: Store,
  prefix: Uint8Array = new Uint8Array(0),
): Promise<ReadonlyMap<string, string>> {
  const all = new Map<string, string>()
  for await (const [key, value] of store.entries({ prefix })) all.set(toHex(key), toHex(value))
  return all
}
