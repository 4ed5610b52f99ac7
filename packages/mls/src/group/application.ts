/** Sending application messages (RFC 9420 §15). */
import type { RandomSource } from '@dmls/crypto'
import { usage } from '../errors.ts'
import { checkMaySend, framedContent, protect, signFramed } from './frame.ts'
import type { ApplicationOptions } from './options.ts'
import type { Sent } from './results.ts'
import type { GroupState } from './state.ts'

const NOTHING = new Uint8Array(0)

/**
 * Encrypts application data to the group. Store the returned state before the message is published: its key must not be
 * used twice.
 * @throws MlsError `proposals_pending`, `group_reinitialized`, `wrong_signer`
 */
export async function protectApplication(
  state: GroupState,
  applicationData: Uint8Array,
  options: ApplicationOptions,
  services: { readonly random: RandomSource },
): Promise<Sent> {
  checkMaySend(state)
  if (state.proposals.size > 0 && options.pendingProposals !== 'ignore') {
    // RFC 9420 §12.4: who has seen proposals MUST commit before it sends application data
    throw usage('proposals_pending', 'proposals of this epoch are to be committed first')
  }
  const authenticatedData = (options.authenticatedData ?? NOTHING).slice()
  const content = framedContent(state, { contentType: 'application', applicationData }, authenticatedData)
  const authenticated = await signFramed(state, content, 'mls_private_message', options.signer)
  return protect(state, authenticated, { padding: options.padding, random: services.random })
}
