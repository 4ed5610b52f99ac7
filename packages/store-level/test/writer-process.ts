/**
 * A process that opens a store and writes until it is killed: batch n puts n under three keys, deletes an older key and forgets now and
 * then. Prints n once the batch is acknowledged, and goes on when that line is in the pipe: what is only on its way there
 * dies with the process.
 */
import { openLevelStore } from '../src/index.ts'
import { batch } from './batches.ts'

const [folder = '', mode = 'write', first = '1'] = process.argv.slice(2)
if (mode !== 'hold') await print('opening')
const store = await openLevelStore(folder, { sync: mode !== 'write-unsynced' })
await print('open')
if (mode === 'hold') setInterval(() => undefined, 1000)
else {
  for (let n = Number(first); ; n++) {
    await store.write(batch(n))
    await print(`${n}`)
    if (n % 7 === 0) await store.forget()
  }
}

/** Resolves when the pipe has the line. One that nobody reads fills up, and lets nothing in for a while. */
function print(line: string): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(`${line}\n`, (error) => (error ? reject(error) : resolve()))
  })
}
