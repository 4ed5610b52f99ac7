/** What somebody had at a moment of a story with clients, and what it is worth: by the symbols, and by the bytes. */
import type { MemoryStore } from '@dmls/client/memory-store'
import { toHex } from '@dmls/crypto'
import type { DmlsEpoch } from '@dmls/dmls'
import type { ClientChronicle } from './client-chronicle.ts'
import { bytesOn, lootOf } from './client-disk.ts'
import { isWelcome, isWire } from './parcels.ts'
import { Remains, type Traces } from './remains.ts'
import type { Memory } from './resident.ts'
import { type Holdings, reachOf } from './symbols.ts'
import { type Loot, type Reach, Thief } from './thief.ts'

export interface Burglary {
  readonly when: string
  readonly who: string
  readonly disk: MemoryStore
  readonly memory: Memory
  readonly holdings: Holdings
}

/** Secrets, texts, and commits that are kept for evidence, where they should not be. */
export interface Amiss {
  readonly disk: readonly string[]
  readonly memory: readonly string[]
  readonly leftOver: readonly string[]
  readonly read: readonly string[]
  readonly texts: readonly string[]
  readonly commits: readonly string[]
}

/** What it is worth by the symbols. */
export function expectedReach({ commits, messages }: ClientChronicle, { holdings }: Burglary): Reach {
  return reachOf(holdings, commits, messages)
}

/** What a thief makes of the disk, or of some epochs on it, and all that was ever sent. */
export async function reachFromDisk(
  story: ClientChronicle,
  { disk }: Burglary,
  isTaken: (epoch: DmlsEpoch) => boolean = () => true,
): Promise<Reach> {
  const loot = await lootOf(disk, story.groupId)
  return reachOfLoot(story, { ...loot, epochs: new Map([...loot.epochs].filter(([id]) => isTaken(id))) })
}

/** The same of what the process had in memory. */
export function reachFromMemory(story: ClientChronicle, { memory }: Burglary): Promise<Reach> {
  return reachOfLoot(story, memory.loot)
}

function reachOfLoot({ parcels }: ClientChronicle, loot: Loot): Promise<Reach> {
  const messages = parcels.map(({ message }) => message)
  return Thief.with(loot, { wires: messages.filter(isWire), welcomes: messages.filter(isWelcome) })
}

/** Secrets that stand on the disk or in memory, and should not. */
export async function amiss(story: ClientChronicle, { disk, memory, holdings }: Burglary): Promise<Amiss> {
  const { derivations, messages } = story
  const { epochs } = await lootOf(disk, story.groupId)
  const traces: Traces = {
    initSecrets: story.initSecrets,
    treeKeys: (epoch) => {
      const tree = epochs.get(epoch as DmlsEpoch)?.group.tree
      const nodes = tree === undefined ? [] : Array.from({ length: 2 * tree.leafCount }, (_, i) => i)
      return new Set(nodes.flatMap((node) => tree?.encryptionKey(node) ?? []).map(toHex))
    },
    keysOf: (keyPackage) => story.keyPackageKeys.get(keyPackage) ?? [],
  }
  const remains = new Remains(derivations, holdings, traces)
  const bytes = await bytesOn(disk)
  const onDisk = Buffer.from(bytes)
  return {
    disk: remains.amiss(derivations.standingIn(bytes)),
    memory: remains.amiss(derivations.standingIn(memory.bytes)),
    leftOver: remains.amiss(memory.leftOver),
    read: remains.amiss(derivations.standingIn(memory.read)),
    // each goes when the epoch that it began can only be read
    commits: [...epochs].flatMap(([id, { commit }]) =>
      commit !== undefined && holdings.epochs.get(id)?.stage !== 'open' ? [id] : [],
    ),
    texts: messages.map(({ text }) => text).filter((text) => onDisk.includes(text)),
  }
}
