/** Asking the Authentication Service about credentials that are new to a group (RFC 9420 §5.3.1). */
import { equalBytes } from '@dmls/crypto'
import { encodeWhole } from '../codec/writer.ts'
import type { AuthenticateLeaf } from '../tree/leaf-node-validation.ts'
import { type Credential, encodeCredential } from '../wire/credential.ts'
import type { Extension } from '../wire/extension.ts'
import { askApplicationAsync } from './ask-application.ts'
import { externalSendersOf } from './extensions.ts'
import type { CredentialOccasion, Services } from './services.ts'

/** The question for a leaf, in the form in which the tree's validation asks it. */
export function leafAuthenticator(
  services: Pick<Services, 'authenticate' | 'now'>,
  occasion: CredentialOccasion,
  groupId: Uint8Array | undefined,
): AuthenticateLeaf {
  return async (leaf, replaced) => {
    // only a new credential or key is a question: an unchanged one was accepted before
    if (replaced !== undefined && isSame(replaced, leaf)) return
    const { credential, signatureKey } = leaf
    const previous = replaced && { credential: replaced.credential, signatureKey: replaced.signatureKey }
    await askApplicationAsync(
      () => services.authenticate({ now: services.now, occasion, credential, signatureKey, groupId, previous }), // RFC 9420 §5.3.1
    )
  }
}

/** Asks about the external senders of a group that its current extensions do not name yet. */
export async function authenticateExternalSenders(
  services: Pick<Services, 'authenticate' | 'now'>,
  groupId: Uint8Array,
  extensions: readonly Extension[],
  current: readonly Extension[],
): Promise<void> {
  const known = externalSendersOf(current)
  const added = externalSendersOf(extensions).filter((sender) => !known.some((each) => isSame(each, sender)))
  await Promise.all(
    added.map(({ credential, signatureKey }) =>
      askApplicationAsync(
        () =>
          services.authenticate({
            now: services.now,
            occasion: 'external_sender',
            credential,
            signatureKey,
            groupId,
            previous: undefined,
          }), // RFC 9420 §5.3.1
      ),
    ),
  )
}

interface Claim {
  readonly credential: Credential
  readonly signatureKey: Uint8Array
}

function isSame(a: Claim, b: Claim): boolean {
  return equalBytes(a.signatureKey, b.signatureKey) && sameCredential(a.credential, b.credential)
}

/** Whether two credentials have the same bytes. */
export function sameCredential(a: Credential, b: Credential): boolean {
  return equalBytes(encodeWhole(a, encodeCredential), encodeWhole(b, encodeCredential))
}
