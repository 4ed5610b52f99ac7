/**
 * The key packages that commits of a group added, in the store, eight to a record: whoever added a thousand members reads
 * them back from some hundred records. One that is not needed any more leaves its record to the others in it. A key
 * package never changes, so what is stored is not written again.
 */
import { type InstanceId, identifierBytes, instanceId } from '@dmls/dmls'
import { decodeKeyPackage, decodeWhole, type KeyPackage, keyPackageBytes, Writer } from '@dmls/mls'
import type { Store, StoreOperation } from '../ports.ts'
import { groupRecordKey, groupRecordPrefix, readSequence, sequenceKey } from '../store-keys.ts'
import type { Pending } from './message-ledger.ts'

const PACK_MAX = 8

type KeyPackagesByInstance = ReadonlyMap<InstanceId, KeyPackage>

export class KeyPackagePacks {
  readonly #groupId: Uint8Array
  readonly #packs = new Map<number, readonly InstanceId[]>()
  readonly #packOf = new Map<InstanceId, number>()
  /** The pack that is filled next. */
  #last = 0

  constructor(groupId: Uint8Array) {
    this.#groupId = groupId
  }

  /** What to write after some of them came or went, and what to call once that is written. */
  put(changed: readonly InstanceId[], now: KeyPackagesByInstance): Pending {
    const packs = new Map<number, readonly InstanceId[]>()
    const membersOf = (pack: number): readonly InstanceId[] => packs.get(pack) ?? this.#packs.get(pack) ?? []
    for (const instance of changed) {
      const pack = this.#packOf.get(instance)
      if (pack === undefined || now.has(instance)) continue
      packs.set(
        pack,
        membersOf(pack).filter((other) => other !== instance),
      )
    }
    let last = this.#last
    for (const instance of new Set(changed)) {
      if (this.#packOf.has(instance) || !now.has(instance)) continue
      if (membersOf(last).length >= PACK_MAX) last++
      packs.set(last, [...membersOf(last), instance])
    }
    return {
      operations: [...packs].map(([pack, members]) => this.#operation(pack, members, now)),
      written: () => {
        for (const [pack, members] of packs) this.#note(pack, members)
      },
    }
  }

  #operation(pack: number, members: readonly InstanceId[], now: KeyPackagesByInstance): StoreOperation {
    const key = groupRecordKey(this.#groupId, 'keyPackage', sequenceKey(pack))
    if (members.length === 0) return { type: 'delete', key }
    return { type: 'put', key, value: encodePack(members, now) }
  }

  #note(pack: number, members: readonly InstanceId[]): void {
    for (const instance of this.#packs.get(pack) ?? []) this.#packOf.delete(instance)
    for (const instance of members) this.#packOf.set(instance, pack)
    if (members.length === 0) this.#packs.delete(pack)
    else this.#packs.set(pack, members)
    this.#last = Math.max(this.#last, pack)
  }

  /** Reads them back. @throws the parsers' faults */
  static async load(
    store: Store,
    groupId: Uint8Array,
  ): Promise<{ readonly packs: KeyPackagePacks; readonly keyPackages: KeyPackagesByInstance }> {
    const packs = new KeyPackagePacks(groupId)
    const keyPackages = new Map<InstanceId, KeyPackage>()
    const prefix = groupRecordPrefix(groupId, 'keyPackage')
    for await (const [key, value] of store.entries({ prefix })) {
      const members = decodePack(value)
      for (const [instance, keyPackage] of members) keyPackages.set(instance, keyPackage)
      packs.#note(
        readSequence(key.slice(prefix.length)),
        members.map(([instance]) => instance),
      )
    }
    return { packs, keyPackages }
  }
}

function encodePack(members: readonly InstanceId[], now: KeyPackagesByInstance): Uint8Array {
  const kept = members.flatMap((instance) => {
    const keyPackage = now.get(instance)
    return keyPackage === undefined ? [] : [{ instance, keyPackage }]
  })
  return new Writer(4096)
    .vector(kept, (w, { instance, keyPackage }) =>
      w.opaque(identifierBytes(instance)).fixed(keyPackageBytes(keyPackage)),
    )
    .finish()
}

function decodePack(pack: Uint8Array): readonly (readonly [InstanceId, KeyPackage])[] {
  return decodeWhole(pack, (reader) => reader.vector((r) => [instanceId(r.opaque()), decodeKeyPackage(r)] as const))
}
