/**
 * Reads the groups of a store without taking part in anything: no network, and a clock that never rings, so that no
 * timer makes the client act while somebody only looks.
 */
import { loadOrCreateIdentity, openClient } from '@dmls/client'
import type { Clock, Delivery } from '@dmls/client/ports'
import { toHex } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { openLevelStore } from '@dmls/store-level'
import type { HistoryReport } from '../member/protocol.ts'
import { historyReport } from '../member/snapshot.ts'

export interface StoredGroup {
  readonly groupId: string
  readonly history: HistoryReport
}

/** The epoch DAGs in a store, in the order of their group ids. @throws StoreError */
export async function readHistories(storeFolder: string): Promise<readonly StoredGroup[]> {
  const store = await openLevelStore(storeFolder)
  try {
    const client = await openClient({
      provider: nodeProvider,
      store,
      delivery: NO_NETWORK,
      clock: STOPPED_CLOCK,
      identity: await loadOrCreateIdentity(store, nodeProvider),
    })
    const groups = client.groups().map((group) => ({ groupId: toHex(group.id), history: historyReport(group) }))
    await client.close()
    return groups.sort((a, b) => (a.groupId < b.groupId ? -1 : 1))
  } finally {
    await store.close()
  }
}

const NO_NETWORK: Delivery = {
  subscribe: async () => async () => undefined,
  publish: async () => undefined,
  backfill: async () => undefined,
  close: async () => undefined,
}

const STOPPED_CLOCK: Clock = {
  nowMs: () => Date.now(),
  schedule: () => ({ cancel: () => undefined }),
}
