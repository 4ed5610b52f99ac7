import { describeStore } from '@dmls/client/contract/store'
import type { Store } from '@dmls/client/ports'
import { openLevelStore } from '../src/index.ts'
import { makeFolder, removeFolder } from './folders.ts'

for (const sync of [true, false]) {
  const folders = new Map<Store, string>()
  describeStore(sync ? 'on files' : 'on files without sync', {
    open: async () => {
      const folder = await makeFolder()
      const store = await openLevelStore(folder, { sync })
      folders.set(store, folder)
      return store
    },
    reopen: async (closed) => {
      const folder = folders.get(closed) as string
      const store = await openLevelStore(folder, { sync })
      folders.set(store, folder)
      return store
    },
    cleanUp: async () => {
      for (const folder of folders.values()) await removeFolder(folder)
      folders.clear()
    },
  })
}
