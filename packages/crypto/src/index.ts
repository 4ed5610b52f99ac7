export * from './bytes.ts'
export * from './cipher-suite.ts'
export * from './errors.ts'
