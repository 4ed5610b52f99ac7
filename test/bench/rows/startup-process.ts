/** The process whose start `startup.ts` measures. Prints its times as JSON. */
const begun = performance.now()
const { openClient, loadOrCreateIdentity } = await import('@dmls/client')
const { nodeProvider } = await import('@dmls/crypto/node')
const imported = performance.now()

const { openLevelStore } = await import('@dmls/store-level')
const { authenticator, HandDelivery } = await import('./storage.ts')
const ready = performance.now()
const store = await openLevelStore(process.argv[2] ?? '', { sync: false })
const opened = performance.now()
const identity = await loadOrCreateIdentity(store, nodeProvider)
const client = await openClient({
  provider: nodeProvider,
  store,
  delivery: new HandDelivery(),
  identity,
  authenticator,
})
const running = performance.now()
if (client.groups().length !== 1) throw new Error('the group is not there')
await client.close()
await store.close()

export interface StartTimes {
  readonly importMs: number
  readonly openStoreMs: number
  readonly openClientMs: number
}

const times: StartTimes = { importMs: imported - begun, openStoreMs: opened - ready, openClientMs: running - opened }
console.log(JSON.stringify(times))
