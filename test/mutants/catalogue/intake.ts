/** Mistakes in what a group takes from the network, and in what of it waits (protocol §4, scenario 1). */
import type { Mutant } from '../mutant.ts'

const INTAKE = 'packages/client/src/group/intake.ts'
const LEDGER = 'packages/client/src/group/message-ledger.ts'

export const INTAKE_MUTANTS: readonly Mutant[] = [
  {
    name: 'large-message-kept',
    breaks: 'A message that is larger than any may be is taken.',
    file: INTAKE,
    search: "    if (bytes.length > context.limits.messageSizeMax) return 'reject'\n",
    replacement: '',
    tests: ['packages/client/test/intake.test.ts'],
  },
  {
    name: 'large-request-kept',
    breaks: 'A request to be brought back may be as large as its author likes.',
    file: INTAKE,
    search: "    if (read.kind === 'request' && bytes.length > context.limits.requestSizeMax) return 'reject'\n",
    replacement: '',
    tests: ['packages/client/test/intake.test.ts'],
  },
  {
    name: 'message-of-another-group-kept',
    breaks: 'Messages of other groups wait in this one for epochs that cannot come.',
    file: INTAKE,
    search: 'return isOurs ? read : undefined',
    replacement: 'return read',
    tests: ['packages/client/test/intake.test.ts'],
  },
  {
    name: 'full-disk-thrown-at-the-network',
    breaks: 'A disk that refuses is a failure of the transport, and nobody is told.',
    file: INTAKE,
    search: 'if (!(error instanceof StoreError)) throw error',
    replacement: 'if (error instanceof StoreError) throw error',
    tests: ['packages/client/test/intake.test.ts'],
  },
  {
    name: 'what-follows-a-merge-waits',
    breaks: 'What was said in a merge waits for ever when the merge itself had to wait.',
    file: INTAKE,
    search: 'for (const brought of await this.#tryWaiting(awaited, isHere)) await this.retry(brought)',
    replacement: 'await this.#tryWaiting(awaited, isHere)',
    tests: ['packages/client/test/intake.test.ts'],
  },
  {
    name: 'waiting-dropped-when-reconsidered',
    breaks: 'What waits for an epoch is dropped when something else need not wait any more.',
    file: INTAKE,
    search: '          ledger.putBack([each])\n',
    replacement: '',
    tests: ['packages/client/test/intake.test.ts'],
  },
  {
    name: 'evicted-messages-stay',
    breaks: 'Messages that leave the waiting room stay in the store: anybody can fill the disk.',
    file: LEDGER,
    search: 'const forgotten = this.#log.remove(left)',
    replacement: 'const forgotten = this.#log.remove([])',
    tests: ['packages/client/test/message-ledger.test.ts'],
  },
  {
    name: 'evicted-records-stay',
    breaks: 'What messages that left the waiting room waited for stays in the store.',
    file: LEDGER,
    search: "        ...left.map((gone) => ({ type: 'delete' as const, key: this.#waitingKey(gone) })),\n",
    replacement: '',
    tests: ['packages/client/test/message-ledger.test.ts'],
  },
  {
    name: 'processed-waits-again',
    breaks: 'After a restart a message that waited and was processed waits again.',
    file: LEDGER,
    search: "        ...waited.map((id) => ({ type: 'delete' as const, key: this.#waitingKey(id) })),\n",
    replacement: '',
    tests: ['packages/client/test/message-ledger.test.ts'],
  },
  {
    name: 'refused-names-unbounded',
    breaks: 'The names of refused messages have no limit.',
    file: LEDGER,
    search: 'if (oldest !== undefined) this.#refused.delete(oldest)',
    replacement: 'if (oldest === "") this.#refused.delete(oldest)',
    tests: ['packages/client/test/message-ledger.test.ts'],
  },
  {
    name: 'refused-fetched-again',
    breaks: 'Peers are not told what was refused, and bring it again and again.',
    file: LEDGER,
    search: '    for (const id of this.#refused.keys()) yield fromHex(id)\n',
    replacement: '',
    tests: ['packages/client/test/message-ledger.test.ts'],
  },
]
