/** `dmls chat`: talk in a group from the terminal, without a server. */
import { join } from 'node:path'
import { Chat } from '../chat/chat.ts'
import { Prompt } from '../chat/prompt.ts'
import { type Command, defineCommand } from '../command/command.ts'
import { required } from '../command/values.ts'
import { makeFolder } from '../folder.ts'
import { styleOf } from '../io.ts'
import { Journal } from '../member/journal.ts'
import { openNode } from '../node/node.ts'
import { loadOrCreateSeed } from '../node/peer-seed.ts'

export const chatCommand: Command = defineCommand({
  name: 'chat',
  summary: 'talk in a group from the terminal, without a server',
  description: [
    'Each person runs one. To try it on one machine:',
    '  dmls chat --store /tmp/alice --name alice          then type /create',
    '  dmls chat --store /tmp/bob --name bob --peer ADDR  with the address that alice’s chat shows',
    'and let alice type /add with the identity that bob’s chat shows. Type /help for the rest.',
  ].join('\n'),
  options: {
    store: { type: 'string', value: 'DIR', help: 'folder of the member; made if it is not there' },
    name: { type: 'string', value: 'NAME', help: 'the name that others see' },
    listen: { type: 'string', value: 'ADDR', help: 'multiaddr to listen on (default /ip4/0.0.0.0/tcp/0)' },
    peer: {
      type: 'string',
      value: 'ADDR',
      multiple: true,
      help: 'stay connected to somebody; may be given several times',
    },
  },
  run: async (values, io) => {
    const folder = required('chat', 'store', values.store)
    makeFolder(folder, 0o700)
    const node = await openNode({
      storeFolder: join(folder, 'store'),
      listen: values.listen ?? '/ip4/0.0.0.0/tcp/0',
      seed: loadOrCreateSeed(join(folder, 'peer-key')),
      peers: values.peer,
    })
    try {
      const prompt = new Prompt(io)
      const chat = new Chat({
        node,
        journal: new Journal(join(folder, 'journal.ndjson')),
        name: values.name,
        style: styleOf(io, io.stdout),
        print: (line) => prompt.print(line),
      })
      chat.start()
      await chat.meet(values.peer)
      await prompt.each((line) => chat.enter(line))
      chat.stop()
    } finally {
      await node.close()
    }
    return 0
  },
})
