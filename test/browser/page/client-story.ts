/** The decentralized profile, as an application uses it: two sides of a cut network commit, and come together again. */
import type { DmlsClient, DmlsGroup } from '@dmls/client'
import { loadOrCreateIdentity, openClient } from '@dmls/client'
import { MemoryHub } from '@dmls/client/memory-delivery'
import { MemoryStore } from '@dmls/client/memory-store'
import { type CryptoProvider, fromUtf8, toHex, utf8 } from '@dmls/crypto'

const timing = { mergeQuiescenceMs: 10, mergeRankDelayMs: 40 }

export async function tellClientStory(provider: CryptoProvider): Promise<readonly string[]> {
  const told: string[] = []
  const sha256 = provider.cipherSuite(1)
  const hub = new MemoryHub((message) => sha256.hash(message))
  const open = async (name: string): Promise<DmlsClient> => {
    const store = new MemoryStore()
    const identity = await loadOrCreateIdentity(store, provider)
    const client = await openClient({ provider, store, delivery: hub.join(name), identity, timing })
    client.onGroup((group) => listen(name, group))
    return client
  }
  const listen = (name: string, group: DmlsGroup): void => {
    group.on((event) => {
      if (event.type === 'message') told.push(`${name} reads ${fromUtf8(event.message.data)}`)
    })
  }
  const alice = await open('alice')
  const bob = await open('bob')
  const charlie = await open('charlie')
  const group = await alice.createGroup()
  listen('alice', group)
  await group.add([await bob.createKeyPackage(), await charlie.createKeyPackage()])
  await until(() => bob.groups().length === 1 && charlie.groups().length === 1, 'bob and charlie to join')

  hub.partition([['alice'], ['bob', 'charlie']])
  await groupOf(alice).update()
  await groupOf(bob).update()
  await groupOf(bob).send(utf8('on the other side'))
  hub.heal()
  const clients = [alice, bob, charlie]
  const authenticators = () => new Set(clients.map((client) => toHex(groupOf(client).epochAuthenticator())))
  await until(
    () => authenticators().size === 1 && clients.every((client) => groupOf(client).openHeads().length === 1),
    'one head',
  )
  await until(() => told.includes('alice reads on the other side'), 'the message of the other side')
  told.push(`${clients.length} clients agree after a fork`)
  for (const client of clients) await client.close()
  return told
}

function groupOf(client: DmlsClient): DmlsGroup {
  const [group] = client.groups()
  if (group === undefined) throw new Error('a client is in no group')
  return group
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
