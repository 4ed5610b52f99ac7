import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { message, Shelf } from '@dmls/client/contract/delivery'
import { afterEach, describe, expect, test } from 'vitest'
import { createLibp2pDelivery, type Libp2pDelivery, type Libp2pDeliveryOptions } from '../src/index.ts'
import { digest, partition, QUICK, startNodes, until } from './cluster.ts'

const GROUP = message('group')

describe('connections', () => {
  const nodes: Libp2pDelivery[] = []
  afterEach(async () => {
    await Promise.all(nodes.splice(0).map((node) => node.close()))
  })

  async function start(options: Libp2pDeliveryOptions = {}): Promise<Libp2pDelivery> {
    const node = await createLibp2pDelivery({ ...QUICK, ...options })
    nodes.push(node)
    return node
  }

  async function shelves(members: readonly Libp2pDelivery[]): Promise<readonly Shelf[]> {
    return Promise.all(
      members.map(async (node) => {
        const shelf = new Shelf(digest)
        await node.subscribe(GROUP, shelf)
        return shelf
      }),
    )
  }

  test('the same seed gives the same name, and addresses carry it', async () => {
    const seed = new Uint8Array(32).fill(5)
    const first = await start({ seed })
    const { name } = first
    expect(first.multiaddrs()[0]).toMatch(new RegExp(`^/ip4/127\\.0\\.0\\.1/tcp/\\d+/p2p/${name}$`))
    await first.close()
    expect((await start({ seed })).name).toBe(name)
    expect((await start()).name).not.toBe(name)
  })

  test('who cannot be reached is a typed error, now and as a bootstrap nobody notices', async () => {
    const alice = await start({ bootstrap: ['/ip4/127.0.0.1/tcp/9'] })
    await expect(alice.dial('/ip4/127.0.0.1/tcp/9')).rejects.toMatchObject({
      name: 'DeliveryError',
      code: 'unreachable',
    })
    await expect(alice.dial('nonsense')).rejects.toMatchObject({ name: 'DeliveryError', code: 'bad_address' })
    await expect(createLibp2pDelivery({ bootstrap: ['nonsense'] })).rejects.toMatchObject({ code: 'bad_address' })
    await expect(createLibp2pDelivery({ listen: ['/ip4/127.0.0.1'] })).rejects.toMatchObject({ name: 'DeliveryError' })
    await sleep(300)
    expect(alice.peers()).toEqual([])
  })

  test('a bootstrap that starts late is reached, and one that restarts is reached again', async () => {
    const seed = new Uint8Array(32).fill(6)
    const events: string[] = []
    const first = await start({ seed })
    const listen = [(first.multiaddrs()[0] as string).replace(/\/p2p.*/, '')]
    await first.close()

    const bob = await start({ bootstrap: listen })
    bob.onPeer(({ type }) => events.push(type))
    await sleep(300)
    const alice = await start({ seed, listen })
    await until(() => bob.peers().includes(alice.name))
    await alice.close()
    await until(() => bob.peers().length === 0)
    await start({ seed, listen })
    await until(() => bob.peers().includes(alice.name))
    expect(events).toEqual(['connected', 'disconnected', 'connected'])
  })

  test('a peer that was hung up on is left alone until it is dialled', async () => {
    const [alice, bob] = (await startNodes(2)) as [Libp2pDelivery, Libp2pDelivery]
    nodes.push(alice, bob)
    await Promise.all([bob.disconnect(alice.name), alice.disconnect(bob.name)])
    await until(() => alice.peers().length === 0)
    await sleep(600)
    expect(alice.peers()).toEqual([])
    expect(await bob.dial(alice.multiaddrs()[0] as string)).toBe(alice.name)
    await until(() => alice.peers().length === 1)
  })

  test('whom the options do not allow is not connected, from either side', async () => {
    const alice = await start()
    const bob = await start({ allowConnection: (peer) => peer !== alice.name })
    await expect(bob.dial(alice.multiaddrs()[0] as string)).rejects.toMatchObject({ code: 'unreachable' })
    await alice.dial(bob.multiaddrs()[0] as string).catch(() => undefined)
    await until(() => alice.peers().length === 0)
    expect(bob.peers()).toEqual([])
  })

  test('small, large and past messages travel along a line of peers', async () => {
    const line = await startNodes(3)
    nodes.push(...line)
    await Promise.all(
      line.map((node, i) => {
        const next = [line[i - 1]?.name, line[i + 1]?.name]
        return node.admit((peer) => next.includes(peer))
      }),
    )
    await until(() => line[0]?.peers().length === 1 && line[2]?.peers().length === 1)
    const [atAlice, atBob, atCharlie] = (await shelves(line)) as [Shelf, Shelf, Shelf]
    const [alice, , charlie] = line as [Libp2pDelivery, Libp2pDelivery, Libp2pDelivery]
    await alice.publish(GROUP, atAlice.hold(message('small')))
    await until(() => atCharlie.texts.length === 1)
    await alice.publish(GROUP, atAlice.hold(new Uint8Array(3_000_000).fill(1)))
    await until(() => atCharlie.texts.length === 2)

    // Cut charlie off, then let it come back with a past of its own: alice hears of it through bob.
    await partition(line, [[0, 1], [2]])
    const progress: number[] = []
    alice.onBackfill(({ topic, received, missing }) => {
      if (Buffer.compare(topic, GROUP) === 0) progress.push(received / missing)
    })
    for (let i = 0; i < 300; i++) atCharlie.hold(message(`past ${i}`))
    await charlie.admit((peer) => peer === line[1]?.name)
    await line[1]?.admit(undefined)
    await alice.admit((peer) => peer === line[1]?.name)
    await until(() => atBob.texts.length === 302)
    await until(() => atAlice.texts.length === 302)
    expect(progress.length).toBeGreaterThan(3)
    expect(Math.max(...progress)).toBe(1)
    expect(atAlice.received.slice(-300)).toEqual(Array.from({ length: 300 }, (_, i) => `past ${i}`))
  })

  test('what is too large for gossip reaches an inbox that the sender does not serve', async () => {
    const [alice, bob] = (await startNodes(2)) as [Libp2pDelivery, Libp2pDelivery]
    nodes.push(alice, bob)
    const [inbox] = await shelves([bob])
    await until(() => alice.topicPeers(GROUP).length === 1)
    await alice.publish(GROUP, new Uint8Array(2_000_000))
    await until(() => inbox?.texts.length === 1)
    await expect(alice.publish(GROUP, new Uint8Array(17 * 2 ** 20))).rejects.toMatchObject({
      code: 'message_too_large',
    })
  })

  test('fifteen peers of one address are not taken for one attacker', async () => {
    const members = await startNodes(15, { ...QUICK, resyncMs: 60_000 })
    nodes.push(...members)
    const all = await shelves(members)
    await until(() => members.every((node) => node.topicPeers(GROUP).length === 14))
    // Once everybody has compared with everybody, only gossip is left to carry what is new.
    await sleep(1500)
    await Promise.all(members.map((node, i) => node.publish(GROUP, (all[i] as Shelf).hold(message(`from ${i}`)))))
    await until(() => all.every(({ texts }) => texts.length === 15))
  })

  test.each([
    ['websockets', '/ip4/127.0.0.1/tcp/0/ws'],
    ['memory', '/memory/alice'],
  ] as const)('peers meet over %s too', async (transport, listen) => {
    const alice = await start({ transports: [transport], listen: [listen] })
    const bob = await start({ transports: [transport], listen: [], bootstrap: alice.multiaddrs() })
    const [atAlice, atBob] = (await shelves([alice, bob])) as [Shelf, Shelf]
    await alice.publish(GROUP, atAlice.hold(message('hello')))
    await until(() => atBob.texts.length === 1)
  })

  test('closing takes less than two seconds, also in the middle of everything, and lets the process end', async () => {
    const script = fileURLToPath(new URL('./short-lived-process.ts', import.meta.url))
    const child = spawn(process.execPath, ['--conditions=dmls-source', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let output = ''
    child.stdout.on('data', (chunk) => {
      output += String(chunk)
    })
    const [code] = await once(child, 'close')
    expect(code).toBe(0)
    const { closedMs, endedMs } = JSON.parse(output) as { closedMs: number; endedMs: number }
    expect(closedMs).toBeLessThan(2500)
    expect(endedMs - closedMs).toBeLessThan(1500)
  })
})
