/** What a thief makes of a client's disk: the library's own decoding, on a copy of the bytes. */
import type { MemoryStore } from '@dmls/client/memory-store'
import { toHex } from '@dmls/crypto'
import type { ClientContext } from '../../packages/client/src/context.ts'
import { GroupRecords } from '../../packages/client/src/group/group-records.ts'
import { KeyPackages } from '../../packages/client/src/key-packages.ts'
import { profile, suite } from './actor.ts'
import { keptCommits, type Loot } from './thief.ts'

const EVERYTHING = { prefix: new Uint8Array(0) }

/** The group and the key packages that lie on a disk. */
export async function lootOf(disk: MemoryStore, groupId: Uint8Array): Promise<Loot> {
  const epochs = await epochsOn(disk, groupId)
  // time stands at zero, so that no key package is too old
  const clock = { nowMs: () => 0, schedule: () => ({ cancel: () => undefined }) }
  const context: Pick<ClientContext, 'store' | 'clock'> = { store: disk.copy(), clock }
  const keyPackages = await KeyPackages.open(context as ClientContext)
  return { ...epochs, bundles: keyPackages.all().map(({ bundle }) => bundle) }
}

async function epochsOn(disk: MemoryStore, groupId: Uint8Array): Promise<Pick<Loot, 'epochs' | 'commits'>> {
  if (!(await hasGroup(disk, groupId))) return { epochs: new Map(), commits: [] }
  const { group } = await GroupRecords.load(disk.copy(), groupId, suite, profile)
  return { epochs: group.state.epochs, commits: keptCommits(group.state) }
}

async function hasGroup(disk: MemoryStore, groupId: Uint8Array): Promise<boolean> {
  const name = toHex(groupId)
  for await (const [key] of disk.entries(EVERYTHING)) if (toHex(key).includes(name)) return true
  return false
}

/** All values on a disk, one after the other: every record, of every kind. */
export async function bytesOn(disk: MemoryStore): Promise<Uint8Array> {
  const values: Uint8Array[] = []
  for await (const [, value] of disk.entries(EVERYTHING)) values.push(value)
  return Buffer.concat(values)
}
