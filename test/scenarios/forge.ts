/** What a hostile member can put on the wire: commits that are signed and tagged, and wrong in one place. */
import {
  type AuthenticatedData,
  type DmlsEpoch,
  encodeAuthenticatedData,
  encodeDmlsMessage,
  heldEpoch,
  identifierBytes,
  mlsServices,
  ownSignatureKey,
} from '@dmls/dmls'
import {
  type AuthenticatedContent,
  type CommitCreated,
  createCommit,
  type MlsMessage,
  type Proposal,
  protectPublic,
  signContent,
} from '@dmls/mls'
import type { Actor } from './actor.ts'

export interface Forgery {
  readonly epoch?: DmlsEpoch
  readonly data?: Partial<AuthenticatedData>
  /** Instead of a well-formed AuthenticatedData. */
  readonly rawData?: Uint8Array
  readonly proposals?: readonly Proposal[]
}

/** A DMLSMessage around any MLSMessage. */
export function wrap(message: MlsMessage, epoch: DmlsEpoch): Uint8Array {
  return encodeDmlsMessage({ message, dmlsEpoch: identifierBytes(epoch) })
}

/** A commit that plain MLS accepts, past all the rules of the profile. The author's state stays as it was. */
export async function forgeCommit(by: Actor, forgery: Forgery = {}): Promise<CommitCreated & { wire: Uint8Array }> {
  const epoch = forgery.epoch ?? by.head
  const held = heldEpoch(by.state, epoch)
  const data = { counter: by.state.counter + 1n, resolves: [], application: new Uint8Array(0), ...forgery.data }
  const created = await createCommit(
    held.group,
    {
      signer: by.services.signerFor(ownSignatureKey(held)),
      authenticatedData: forgery.rawData ?? encodeAuthenticatedData(data),
      proposals: forgery.proposals ?? [],
      path: 'always',
      wireFormat: 'mls_public_message',
    },
    mlsServices(by.services),
  )
  return { ...created, wire: wrap(created.message, epoch) }
}

/** The content and its tags, to be changed. */
export function contentOf(message: MlsMessage): AuthenticatedContent {
  if (message.wireFormat !== 'mls_public_message') throw new Error('only a PublicMessage shows its content')
  const { content, auth } = message.publicMessage
  return { wireFormat: 'mls_public_message', content, auth }
}

/** A PublicMessage with this content and a right membership tag, signed again on demand. */
export async function reframe(
  by: Actor,
  epoch: DmlsEpoch,
  authenticated: AuthenticatedContent,
  signature: 'keep' | 'renew',
): Promise<Uint8Array> {
  const held = heldEpoch(by.state, epoch)
  const { suite, secrets, contextBytes } = held.group
  const signer = by.services.signerFor(ownSignatureKey(held))
  const { content, auth } = authenticated
  const signed =
    signature === 'keep' ? auth.signature : await signContent(signer, content, 'mls_public_message', contextBytes)
  const publicMessage = protectPublic(
    suite,
    secrets.membershipKey,
    { ...authenticated, auth: { ...auth, signature: signed } },
    contextBytes,
  )
  return wrap({ wireFormat: 'mls_public_message', publicMessage }, epoch)
}

export function flipped(bytes: Uint8Array, at: number = bytes.length >> 1): Uint8Array {
  const copy = bytes.slice()
  copy[at] = (copy[at] as number) ^ 1
  return copy
}

/** The content of a commit whose path nobody can open. */
export function withBrokenPath(message: MlsMessage): AuthenticatedContent {
  const authenticated = contentOf(message)
  const body = authenticated.content.content
  if (body.contentType !== 'commit' || body.commit.path === undefined) throw new Error('no path')
  const { path } = body.commit
  const nodes = path.nodes.map((node) => ({
    ...node,
    encryptedPathSecret: node.encryptedPathSecret.map((secret) => ({
      ...secret,
      ciphertext: flipped(secret.ciphertext),
    })),
  }))
  const commit = { ...body.commit, path: { ...path, nodes } }
  return { ...authenticated, content: { ...authenticated.content, content: { ...body, commit } } }
}
