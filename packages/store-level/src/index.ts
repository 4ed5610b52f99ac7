/** `@dmls/store-level`: the client's Store on a folder of files, encrypted, atomic, and able to forget. */
export { StoreError, type StoreErrorCode } from '@dmls/client/ports'
export type { RootCipher } from './key-file.ts'
export type { LevelStore } from './level-store.ts'
export { type LevelStoreOptions, openLevelStore } from './open.ts'
