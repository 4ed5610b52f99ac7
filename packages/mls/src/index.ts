export * from './codec/reader.ts'
export * from './codec/writer.ts'
export * from './errors.ts'
export * from './wire/index.ts'
