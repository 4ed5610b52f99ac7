/**
 * A process that writes until it is killed: batch n puts n under three keys, deletes an older key and forgets now and
 * then. Prints n once the batch is acknowledged.
 */
import { openLevelStore } from '../src/index.ts'
import { batch } from './batches.ts'

const [folder = '', mode = 'write', first = '1'] = process.argv.slice(2)
const store = await openLevelStore(folder, { sync: mode !== 'write-unsynced' })
process.stdout.write('open\n')
if (mode === 'hold') setInterval(() => undefined, 1000)
else {
  for (let n = Number(first); ; n++) {
    await store.write(batch(n))
    process.stdout.write(`${n}\n`)
    if (n % 7 === 0) await store.forget()
  }
}
