/**
 * The safe exporter of the MLS extensions draft ("Exported Secrets"): one secret for each component of an application,
 * which can be exported once in an epoch and is forgotten with everything it was derived from.
 */
import type { CipherSuite } from '@dmls/crypto'
import { usage } from '../errors.ts'
import { deriveSecret } from './labeled.ts'
import { PuncturableTree } from './puncturable-tree.ts'

/** A ComponentID is a `uint16`: the exporter tree has 2^16 leaves. */
const DEPTH = 16

/** The exporter tree of an epoch, rooted at `application_export_secret`. Encode it with {@link PuncturableTree.encode}. */
export function createExporterTree(suite: CipherSuite, epochSecret: Uint8Array): PuncturableTree {
  const root = deriveSecret(suite, epochSecret, 'application_export')
  const tree = PuncturableTree.fromRoot(suite, root, DEPTH)
  root.fill(0)
  return tree
}

/** What exporting a component's secret gives. */
export interface SafeExport {
  /** `SafeExportSecret(ComponentID)`: KDF.Nh bytes, the caller owns them. */
  readonly secret: Uint8Array
  readonly tree: PuncturableTree
  /** Buffers of the old tree that the new one no longer holds; wipe them once the new one is stored. */
  readonly superseded: readonly Uint8Array[]
}

/** @throws MlsError `pprf_punctured` if this component's secret was exported before in this epoch */
export function safeExportSecret(tree: PuncturableTree, componentId: number): SafeExport {
  if (!Number.isInteger(componentId) || componentId < 0 || componentId > 0xffff) {
    throw usage('bad_component_id', 'a component id is a 16-bit number')
  }
  const { leaf, next, superseded } = tree.evaluate(new Uint8Array([componentId >> 8, componentId & 0xff]))
  return { secret: leaf, tree: next, superseded }
}
