/** Finding the pre-shared keys that a commit or a Welcome names (RFC 9420 §8.4, §8.6). */
import { type CipherSuite, equalBytes } from '@dmls/crypto'
import { invalid, missing } from '../errors.ts'
import { zeroSecret } from '../schedule/key-schedule.ts'
import { derivePskSecret, type PskInput } from '../schedule/psk-secret.ts'
import type { GroupContext } from '../wire/group-context.ts'
import type { PreSharedKeyId, Psk } from '../wire/psk.ts'
import { askApplicationAsync } from './ask-application.ts'
import type { Services } from './services.ts'
import type { GroupState } from './state.ts'

/** `uint16 count` of a PSKLabel. */
const PSKS_MAX = 0xffff

/** An epoch whose resumption_psk we hold ourselves. */
export type HeldEpoch = Pick<GroupState, 'context' | 'secrets'>

export interface PskLookup {
  /** Epochs of this or another group that need no question to the application. */
  readonly held: readonly HeldEpoch[]
  /** The epoch that the key is injected into is a child of this one; undefined for one who joins. */
  readonly context: GroupContext | undefined
  readonly services: Pick<Services, 'findPsk'>
}

/** The key, or undefined if it is not here. It stays its owner's. */
export async function findPsk(psk: Psk, lookup: PskLookup): Promise<Uint8Array | undefined> {
  if (psk.pskType === 'resumption') {
    const epoch = lookup.held.find(
      ({ context }) => context.epoch === psk.pskEpoch && equalBytes(context.groupId, psk.pskGroupId),
    )
    if (epoch !== undefined) return epoch.secrets.resumptionPsk
  }
  const { findPsk: ask } = lookup.services
  return ask === undefined ? undefined : askApplicationAsync(() => ask({ psk, context: lookup.context }))
}

/**
 * `psk_secret` of RFC 9420 §8.4, KDF.Nh bytes that the caller owns; all zeros without PSKs.
 * @throws MlsError `psk_not_found` (missing), `bad_psk_nonce`, `too_many_psks`
 */
export async function pskSecretOf(
  suite: CipherSuite,
  ids: readonly PreSharedKeyId[],
  lookup: PskLookup,
): Promise<Uint8Array> {
  if (ids.length > PSKS_MAX) throw invalid('too_many_psks', 'more pre-shared keys are named than can be counted') // RFC 9420 §8.4
  if (ids.length === 0) return zeroSecret(suite)
  const inputs = await Promise.all(
    ids.map(async (id): Promise<PskInput> => {
      if (id.pskNonce.length !== suite.hashSize) {
        throw invalid('bad_psk_nonce', 'the nonce of a pre-shared key is not KDF.Nh bytes') // RFC 9420 §8.4
      }
      const secret = await findPsk(id.psk, lookup)
      // RFC 9420 §12.4.2, §12.4.3.1: all PSKs must be available
      if (secret === undefined) throw missing('psk_not_found', 'a pre-shared key is not here', { type: id.psk.pskType })
      return { id, secret }
    }),
  )
  return derivePskSecret(suite, inputs)
}
