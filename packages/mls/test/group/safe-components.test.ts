import { systemRandom, utf8 } from '@dmls/crypto'
import { expect, test } from 'vitest'
import { safeDecrypt, safeEncrypt, safeSign, safeVerify } from '../../src/index.ts'
import { verifyWithLabel } from '../../src/schedule/labeled.ts'
import { suite } from '../suites.ts'
import { codeOf, person } from './people.ts'

const OPERATION = { componentId: 0x8001, label: 'greeting' }

test("a component's signature is valid for it and for nobody else", async () => {
  const { signer } = await person('alice')
  const content = utf8('hello')
  const signature = await safeSign(signer, OPERATION, content)
  const valid = (operation: typeof OPERATION, what = content) =>
    safeVerify(suite, signer.publicKey, operation, what, signature)
  expect(await valid(OPERATION)).toBe(true)
  expect(await valid({ ...OPERATION, componentId: 0x8002 })).toBe(false)
  expect(await valid({ ...OPERATION, label: 'farewell' })).toBe(false)
  expect(await valid(OPERATION, utf8('goodbye'))).toBe(false)
  expect(await verifyWithLabel(suite, signer.publicKey, 'greeting', content, signature)).toBe(false)
})

test('the signed bytes are those of the draft', async () => {
  const signed: Uint8Array[] = []
  const sign = async (message: Uint8Array): Promise<Uint8Array> => {
    signed.push(message)
    return message
  }
  await safeSign({ publicKey: new Uint8Array(0), sign }, { componentId: 0x8001, label: 'x' }, utf8('y'))
  const label = [...utf8('MLS 1.0 '), 13, ...utf8('MLS Component'), 0x80, 0x01, 1, ...utf8('x')]
  expect(signed).toEqual([new Uint8Array([label.length, ...label, 1, ...utf8('y')])])
})

test('what is encrypted to a component opens for it and for nobody else', async () => {
  const { publicKey, privateKey } = await suite.generateHpkeKeyPair(systemRandom)
  const operation = { ...OPERATION, context: utf8('room 7') }
  const ciphertext = await safeEncrypt(suite, publicKey, operation, utf8('secret'), systemRandom)
  expect(await safeDecrypt(suite, privateKey, operation, ciphertext)).toEqual(utf8('secret'))
  for (const other of [
    { ...operation, componentId: 0x8002 },
    { ...operation, context: utf8('room 8') },
  ]) {
    expect(await codeOf(safeDecrypt(suite, privateKey, other, ciphertext))).toBe('open_failed')
  }
})
