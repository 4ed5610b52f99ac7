/** RFC 9420 §15.1: how much padding a private message gets. The RFC leaves it to the application. */
import { usage } from '../errors.ts'

/** Given the size in bytes of what is encrypted, the number of zero bytes to append. */
export type PaddingPolicy = (sizeBytes: number) => number

export const noPadding: PaddingPolicy = () => 0

/** Pads to the next multiple of `blockBytes`. */
export function padToMultiple(blockBytes: number): PaddingPolicy {
  if (!Number.isInteger(blockBytes) || blockBytes < 1) throw usage('bad_padding', 'a block is at least one byte')
  return (sizeBytes) => (blockBytes - (sizeBytes % blockBytes)) % blockBytes
}

/**
 * Padmé: at most 12 % more, less for longer messages, and a size tells only O(log log size) bits about the content
 * (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication with PURBs", §4).
 */
export const padme: PaddingPolicy = (sizeBytes) => {
  if (sizeBytes < 2) return 0
  const exponent = Math.floor(Math.log2(sizeBytes))
  const keptBits = Math.floor(Math.log2(exponent)) + 1
  const block = 2 ** Math.max(exponent - keptBits, 0)
  return (block - (sizeBytes % block)) % block
}
