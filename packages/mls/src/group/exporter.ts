/**
 * What an application takes out of an epoch: exported secrets (RFC 9420 §8.5), the epoch authenticator (§8.7), the
 * resumption PSK (§8.6) and the forward-secure exporter of the MLS extensions draft.
 */
import { exportSecret as deriveExported } from '../schedule/key-schedule.ts'
import { safeExportSecret as evaluateExporter } from '../schedule/safe-exporter.ts'
import type { GroupState } from './state.ts'

export interface ExportOptions {
  readonly label: string
  readonly context: Uint8Array
  /** In bytes; at most 255 × KDF.Nh. */
  readonly length: number
}

/** `MLS-Exporter(label, context, length)`; the caller owns it. */
export function exportSecret(state: GroupState, options: ExportOptions): Uint8Array {
  const { label, context, length } = options
  return deriveExported(state.suite, state.secrets.exporterSecret, label, context, length)
}

/** Equal for all members that are in the same epoch and state; KDF.Nh bytes, a copy. */
export function epochAuthenticator(state: GroupState): Uint8Array {
  return state.secrets.epochAuthenticator.slice()
}

/** What later groups and epochs inject as a resumption PSK; KDF.Nh bytes, a copy. Secret. */
export function resumptionPsk(state: GroupState): Uint8Array {
  return state.secrets.resumptionPsk.slice()
}

/**
 * `SafeExportSecret(componentId)`: KDF.Nh bytes that the caller owns. Each component has one secret an epoch, and the
 * returned state can no longer derive it.
 * @throws MlsError `pprf_punctured` the second time, `bad_component_id`
 */
export function safeExportSecret(
  state: GroupState,
  componentId: number,
): { readonly state: GroupState; readonly secret: Uint8Array; readonly superseded: readonly Uint8Array[] } {
  const { secret, tree, superseded } = evaluateExporter(state.exporterTree, componentId)
  return { state: { ...state, exporterTree: tree }, secret, superseded }
}
