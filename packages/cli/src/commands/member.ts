/** `dmls member`: one member as a process that another program controls by lines of JSON. */
import { join } from 'node:path'
import { type Command, defineCommand } from '../command/command.ts'
import { required } from '../command/values.ts'
import { makeFolder } from '../folder.ts'
import { MemberHost } from '../member/host.ts'
import { Journal } from '../member/journal.ts'
import { lineWriter, serveRequests } from '../member/session.ts'
import { openNode } from '../node/node.ts'

export const memberCommand: Command = defineCommand({
  name: 'member',
  summary: 'run one member, controlled by lines of JSON (what the demonstration starts)',
  description: [
    'Reads requests from standard input and writes replies and reports to standard output, one JSON object per line:',
    '  {"id": 1, "do": "create"}                    found a group          (also: state, history, close)',
    '  {"id": 2, "do": "add", "identities": ["…"]}  add members            (also: remove)',
    '  {"id": 3, "do": "send", "text": "hello"}     speak to the group',
    '  {"id": 4, "do": "update", "after": "…"}      commit fresh keys, once after the epoch',
    '  {"id": 5, "do": "dial", "addresses": ["…"]}  connect to peers       (admit: whom to let in)',
    'The process ends when its input ends.',
  ].join('\n'),
  options: {
    store: { type: 'string', value: 'DIR', help: 'folder of the member; made if it is not there' },
    listen: { type: 'string', value: 'ADDR', help: 'multiaddr to listen on (default /ip4/127.0.0.1/tcp/0)' },
    shut: { type: 'boolean', help: 'let no peer in until "admit" says whom' },
    deaf: { type: 'boolean', help: 'ignore everything the group says: how a hostile client behaves' },
  },
  run: async (values, io) => {
    const folder = required('member', 'store', values.store)
    makeFolder(folder, 0o700)
    const report = lineWriter(io.stdout)
    const host = new MemberHost({ journal: new Journal(join(folder, 'journal.ndjson')), report })
    const node = await openNode({
      storeFolder: join(folder, 'store'),
      listen: values.listen ?? '/ip4/127.0.0.1/tcp/0',
      isShut: values.shut,
      observer: host.observer,
      isDeaf: values.deaf,
    })
    try {
      host.start(node)
      await serveRequests({ input: io.stdin, stop: io.stop, report, handle: (request) => host.handle(request) })
    } finally {
      host.stop()
      await node.close()
    }
    return 0
  },
})
