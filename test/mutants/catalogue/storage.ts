/** Mistakes in the order and the content of what a client writes, publishes and keeps (protocol §4, §9). */
import type { Mutant } from '../mutant.ts'

export const STORAGE: readonly Mutant[] = [
  {
    name: 'child-stored-after-the-puncture',
    breaks:
      'The records of a step are written one by one: a crash between them leaves a punctured parent without its child.',
    file: 'packages/client/src/group/running-state.ts',
    search: 'if (operations.length > 0) await this.#context.store.write(operations)',
    replacement: 'for (const operation of operations) await this.#context.store.write([operation])',
    tests: ['packages/client/test/running-state.test.ts'],
  },
  {
    name: 'message-published-first',
    breaks: 'A message goes out before it is stored: after a crash its key is used for another one.',
    file: 'packages/client/src/group/running-group.ts',
    search:
      '    await this.#running.apply(sent, this.#ledger.process([sent.wire], OWN))\n' +
      '    this.#stepped(before, sent)\n' +
      '    await this.#publish([sent.wire])\n',
    replacement:
      '    await this.#publish([sent.wire])\n' +
      '    await this.#running.apply(sent, this.#ledger.process([sent.wire], OWN))\n' +
      '    this.#stepped(before, sent)\n',
    tests: ['packages/client/test/write-order.test.ts'],
  },
  {
    name: 'commit-published-first',
    breaks: 'A commit goes out before its child is stored: after a crash its author is not on its own branch.',
    file: 'packages/client/src/group/running-group.ts',
    search:
      '    await this.#running.apply(made, this.#ledger.process(wires, OWN), ...(welcome === undefined ? [] : [welcome]))\n' +
      '    this.#stepped(before, made)\n' +
      '    await this.#publish(wires)\n',
    replacement:
      '    await this.#publish(wires)\n' +
      '    await this.#running.apply(made, this.#ledger.process(wires, OWN), ...(welcome === undefined ? [] : [welcome]))\n' +
      '    this.#stepped(before, made)\n',
    tests: ['packages/client/test/write-order.test.ts'],
  },
  {
    name: 'key-consumed-without-the-text',
    breaks:
      'A message’s key is consumed in the store and its plaintext is not written with it: a crash loses the message.',
    file: 'packages/client/src/group/intake.ts',
    search:
      'await running.apply(received, ledger.process([bytes], originOf(received)), this.#delivery(message, received))',
    replacement:
      'await running.apply(received, ledger.process([bytes], originOf(received)), { ...this.#delivery(message, received), operations: [] })',
    tests: ['packages/client/test/write-order.test.ts'],
  },
  {
    name: 'known-by-outer-bytes-only',
    breaks: 'A message that was processed is taken for a new one when the unauthenticated hint around it is another.',
    file: 'packages/client/src/group/intake.ts',
    search: 'if (ledger.isProcessed(message) || this.#isBeforeUs(message)) {',
    replacement: 'if (this.#isBeforeUs(message)) {',
    tests: ['packages/client/test/intake.test.ts'],
  },
  {
    name: 'waiting-room-unbounded',
    breaks: 'Anybody can fill the memory of a member with messages of epochs that do not exist.',
    file: 'packages/client/src/group/waiting-room.ts',
    search: 'const isFull = this.size >= this.#capacity || ',
    replacement: 'const isFull = this.size >= this.#capacity * 1000 || ',
    tests: ['packages/client/test/waiting-room.test.ts'],
  },
  {
    name: 'waiting-forgotten',
    breaks: 'What waited for an epoch is taken for processed after a restart, and never read.',
    file: 'packages/client/src/group/message-ledger.ts',
    search: "        { type: 'put', key: this.#waitingKey(id), value: encodeWaiting(waiting) },\n",
    replacement: '',
    tests: ['packages/client/test/intake.test.ts'],
  },
  {
    name: 'witnesses-not-stored',
    breaks: 'After a restart a member counts commits only and may choose another head than everybody else.',
    file: 'packages/client/src/group/group-records.ts',
    search: 'this.#witnesses.put(changes.witnesses, state.dag)',
    replacement: 'this.#witnesses.put([], state.dag)',
    tests: ['packages/client/test/stored-group.test.ts'],
  },
  {
    name: 'key-packages-not-stored',
    breaks: 'After a restart a member cannot add again whom a losing branch added.',
    file: 'packages/client/src/group/group-records.ts',
    search: 'this.#keyPackages.put(changes.keyPackages, state.keyPackages)',
    replacement: 'this.#keyPackages.put([], state.keyPackages)',
    tests: ['packages/client/test/stored-group.test.ts'],
  },
  {
    name: 'dropped-epoch-stays-on-disk',
    breaks: 'An epoch whose time is over stays in the store.',
    file: 'packages/client/src/group/group-records.ts',
    search: 'for (const id of changes.dropped) {',
    replacement: 'for (const id of changes.dropped.slice(0, 0)) {',
    tests: ['packages/client/test/stored-group.test.ts'],
  },
  {
    name: 'waiting-not-tried-again',
    breaks: 'After a crash between an epoch and the messages that waited for it, they wait for ever.',
    file: 'packages/client/src/group/running-group.ts',
    search: 'if (running.current.dag.has(dmlsEpoch(epoch))) await group.#intake.retry(epoch)',
    replacement: 'if (!running.current.dag.has(dmlsEpoch(epoch))) await group.#intake.retry(epoch)',
    tests: ['packages/client/test/intake.test.ts'],
  },
  {
    name: 'store-not-told-to-forget',
    breaks: 'Deleted secrets stay in the files of the store.',
    file: 'packages/client/src/group/running-group.ts',
    search: 'if (somethingWent && !this.#closed) await this.#context.store.forget()',
    replacement: 'if (somethingWent && !this.#closed) await Promise.resolve()',
    tests: ['packages/client/test/maintenance.test.ts'],
  },
  {
    name: 'read-records-stay',
    breaks:
      'What was read of an epoch stays in memory beside it: ratchets that are used and deleted can still be found.',
    file: 'packages/client/src/group/epoch-records.ts',
    search: '      wipe(core.value, state, initKey.value, ...ofSecretTree.map(({ value }) => value))\n',
    replacement: '',
    tests: ['packages/client/test/epoch-records.test.ts'],
  },
  {
    name: 'divided-records-stay',
    breaks: 'Neighbours in a secret tree come together in one record, and their old ones stay on the disk.',
    file: 'packages/mls/src/schedule/secret-tree-node.ts',
    search: '    if (divided !== undefined) yield* deletionsBelow(divided, height, place)\n',
    replacement: '',
    tests: ['packages/mls/test/schedule/secret-tree.test.ts'],
  },
  {
    name: 'two-tongues-forgotten',
    breaks: 'After a restart a sender that used one counter on two branches counts on one of them.',
    file: 'packages/client/src/group/witness-packs.ts',
    search: 'twice?.counter === counter ? twice.epochs : [epoch]',
    replacement: '[epoch]',
    tests: ['packages/client/test/witness-packs.test.ts'],
  },
  {
    name: 'processed-forgotten',
    breaks: 'After a restart a message is processed again when a peer names another epoch beside it.',
    file: 'packages/client/src/group/message-ledger.ts',
    search: 'else if (note.length > 0) ledger.#noteProcessed(id, readNote(note), UNKNOWN_AUTHOR)',
    replacement: 'else if (note.length > 0) readNote(note)',
    tests: ['packages/client/test/stored-group.test.ts'],
  },
  {
    name: 'ended-commit-refused',
    breaks:
      'A commit whose processing is ended by closing the client is refused, as if there were something wrong with it.',
    file: 'packages/client/src/group/intake.ts',
    search: "if (watch.signal?.aborted === true) return 'unused'",
    replacement: '',
    tests: ['packages/client/test/long-commits.test.ts'],
  },
]
