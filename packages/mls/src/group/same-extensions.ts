/** Comparing lists of extensions. */
import { equalBytes } from '@dmls/crypto'
import type { Extension } from '../wire/extension.ts'

/** Whether two lists of extensions are the same bytes in the same order. */
export function sameExtensions(a: readonly Extension[], b: readonly Extension[]): boolean {
  return (
    a.length === b.length &&
    a.every((extension, i) => {
      const other = b[i] as Extension
      return extension.extensionType === other.extensionType && equalBytes(extension.extensionData, other.extensionData)
    })
  )
}
