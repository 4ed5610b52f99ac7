/**
 * What the process of a client holds in memory: the state of its group and its key packages, taken where the client keeps
 * them. Nothing of the client is changed; who is made is noted by the store that it writes to.
 */
import type { Store } from '@dmls/client'
import { concatBytes } from '@dmls/crypto'
import { encodeGroupState } from '@dmls/mls'
import { RunningState } from '../../packages/client/src/group/running-state.ts'
import { KeyPackages } from '../../packages/client/src/key-packages.ts'
import { copyState } from './actor.ts'
import { keptCommits, type Loot } from './thief.ts'

const states = new WeakMap<Store, RunningState>()
const keyPackages = new WeakMap<Store, KeyPackages>()

const makeState = RunningState.of.bind(RunningState)
RunningState.of = async (context, ...rest) => {
  const running = await makeState(context, ...rest)
  states.set(context.store, running)
  return running
}

const openKeyPackages = KeyPackages.open.bind(KeyPackages)
KeyPackages.open = async (context) => {
  const opened = await openKeyPackages(context)
  keyPackages.set(context.store, opened)
  return opened
}

/** Copies of what the client on a store has in memory, as a thief can use it. */
export function lootInMemory(store: Store, hasGroup: boolean): Loot {
  const state = hasGroup ? states.get(store)?.current : undefined
  const bundles = (keyPackages.get(store)?.all() ?? []).map(({ bundle }) => ({
    ...bundle,
    initPrivateKey: bundle.initPrivateKey.slice(),
    encryptionPrivateKey: bundle.encryptionPrivateKey.slice(),
  }))
  if (state === undefined) return { epochs: new Map(), commits: [], bundles }
  return { epochs: copyState(state).epochs, commits: keptCommits(state), bundles }
}

/** All bytes of that, also of a group that has ended. */
export function bytesInMemory(store: Store): Uint8Array {
  const epochs = [...(states.get(store)?.current.epochs.values() ?? [])].map(({ group }) => encodeGroupState(group))
  const keys = (keyPackages.get(store)?.all() ?? []).flatMap(({ bundle }) => [
    bundle.initPrivateKey,
    bundle.encryptionPrivateKey,
  ])
  return concatBytes(...epochs, ...keys)
}
