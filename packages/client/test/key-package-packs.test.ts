/** Key packages of a group in the store: few records for many, one for a change, and none for those that are gone. */
import { systemRandom, utf8 } from '@dmls/crypto'
import { type InstanceId, instanceId } from '@dmls/dmls'
import type { KeyPackage } from '@dmls/mls'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeyPackagePacks } from '../src/group/key-package-packs.ts'
import { MemoryStore } from '../src/memory-store.ts'

const GROUP_ID = utf8('a group')
const NAMES = Array.from({ length: 1000 }, (_, i) => instanceId((i + 1).toString(16).padStart(64, '0')))

/** An instance is named by its key package. */
const KEY_PACKAGES = new Map(NAMES.map((instance) => [instance, keyPackageOf(instance)]))

function keyPackageOf(instance: InstanceId): KeyPackage {
  return {
    version: 1,
    cipherSuite: 1,
    initKey: utf8(instance).slice(0, 32),
    leafNode: {
      encryptionKey: systemRandom(32),
      signatureKey: systemRandom(32),
      credential: { credentialType: 'basic', identity: utf8(instance) },
      capabilities: { versions: [1], cipherSuites: [1], extensions: [], proposals: [], credentials: [1] },
      source: { leafNodeSource: 'key_package', lifetime: { notBefore: 0n, notAfter: 1n } },
      extensions: [],
      signature: systemRandom(64),
    },
    extensions: [],
    signature: systemRandom(64),
  }
}

class Keeping {
  readonly store = new MemoryStore()
  packs = new KeyPackagePacks(GROUP_ID)
  readonly now = new Map<InstanceId, KeyPackage>()

  /** How many records it took. */
  async change(came: readonly InstanceId[], went: readonly InstanceId[] = []): Promise<number> {
    for (const instance of went) this.now.delete(instance)
    for (const instance of came) this.now.set(instance, KEY_PACKAGES.get(instance) as KeyPackage)
    const { operations, written } = this.packs.put([...went, ...came], this.now)
    await this.store.write(operations)
    written()
    return operations.length
  }

  async records(): Promise<number> {
    let count = 0
    for await (const _ of this.store.keys({ prefix: new Uint8Array(0) })) count++
    return count
  }

  async reopen(): Promise<void> {
    const { packs, keyPackages } = await KeyPackagePacks.load(this.store, GROUP_ID)
    expect(new Map(keyPackages)).toEqual(this.now)
    this.packs = packs
  }
}

test('a thousand take 125 records, what one of them does takes one, and when all are gone nothing is left', async () => {
  const keeping = new Keeping()
  expect(await keeping.change(NAMES)).toBe(125)
  await keeping.reopen()
  expect(await keeping.change([], NAMES.slice(400, 401))).toBe(1)
  expect(await keeping.change(NAMES.slice(0, 1))).toBe(0)
  expect(await keeping.change(NAMES.slice(400, 401))).toBe(1)
  expect(await keeping.records()).toBe(126)
  await keeping.reopen()
  await keeping.change([], NAMES)
  expect(await keeping.records()).toBe(0)
})

test('what is stored is what there is, whatever comes and goes, also after a restart', async () => {
  const some = fc.uniqueArray(fc.constantFrom(...NAMES.slice(0, 24)), { maxLength: 12 })
  const change = fc.record({ came: some, went: some, isReopened: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 12 }), async (changes) => {
      const keeping = new Keeping()
      let changed = 0
      for (const { came, went, isReopened } of changes) {
        await keeping.change(came, went)
        changed += came.length + went.length
        if (isReopened) await keeping.reopen()
        expect(await keeping.records()).toBeLessThanOrEqual(Math.min(changed, keeping.now.size))
      }
      await keeping.reopen()
    }),
  )
})
