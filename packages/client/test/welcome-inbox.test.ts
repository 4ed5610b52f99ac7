/** Anybody can send anything to an inbox: it takes no room from those who have something to say. */
import { decodeMlsMessage, MlsError, mlsMessageBytes } from '@dmls/mls'
import { afterEach, expect, test } from 'vitest'
import { createHandPerson, type HandPerson, onlyGroup, told } from './by-hand.ts'

const open: HandPerson[] = []

afterEach(() => told(...open.splice(0)))

function readWelcome(bytes: Uint8Array): Extract<ReturnType<typeof decodeMlsMessage>, { wireFormat: 'mls_welcome' }> {
  const message = decodeMlsMessage(bytes)
  if (message.wireFormat !== 'mls_welcome') throw new Error('this is no Welcome')
  return message
}

function isWelcome(bytes: Uint8Array): boolean {
  try {
    return decodeMlsMessage(bytes).wireFormat === 'mls_welcome'
  } catch (error) {
    if (error instanceof MlsError) return false
    throw error
  }
}

test('Welcomes that lead nowhere leave their names, and the one that leads somewhere still gets in', async () => {
  const [alice, bob] = [await createHandPerson(), await createHandPerson()]
  open.push(alice, bob)
  const group = await alice.client.createGroup()
  await group.add([await bob.client.createKeyPackage()])
  const published = alice.delivery.take()
  const sent = published.find(({ message }) => isWelcome(message))
  if (sent === undefined) throw new Error('nobody was welcomed')
  const { welcome } = readWelcome(sent.message)

  // more than an inbox holds, each of them for nobody's key package or broken
  const before = bob.store.memory.sizeBytes
  for (let i = 0; i < 300; i++) {
    const encryptedGroupInfo = Uint8Array.from(welcome.encryptedGroupInfo)
    encryptedGroupInfo.set([i >> 8, i & 0xff])
    const message = mlsMessageBytes({ wireFormat: 'mls_welcome', welcome: { ...welcome, encryptedGroupInfo } })
    expect(await bob.delivery.hand({ ...sent, message })).toBe('accept')
  }
  expect(await bob.delivery.served(sent.topic)).toEqual([])
  expect(bob.store.memory.sizeBytes - before).toBeLessThan(300 * 100)
  for (const each of published) await bob.delivery.hand(each)
  expect(onlyGroup(bob).head).toBe(group.head)
})
