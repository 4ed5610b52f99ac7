/** TreeKEM, RFC 9420 §7.4–§7.6: staging and encrypting an UpdatePath, merging and decrypting one, keeping path keys. */
export * from './path-keys.ts'
export * from './staged-path.ts'
export * from './update-path.ts'
