/** RFC 9420 §8.3: how one who joins by an external commit and the group arrive at one init secret. */
import { type CipherSuite, type RandomSource, utf8 } from '@dmls/crypto'

const NOTHING = new Uint8Array(0)
const EXPORTER_CONTEXT = utf8('MLS 1.0 external init secret')

/** The newcomer's side: the `kem_output` of its ExternalInit proposal and the init secret, KDF.Nh bytes. */
export async function sendExternalInit(
  suite: CipherSuite,
  externalPub: Uint8Array,
  random: RandomSource,
): Promise<{ readonly kemOutput: Uint8Array; readonly initSecret: Uint8Array }> {
  const { kemOutput, exported } = await suite.hpkeExportSender(
    externalPub,
    NOTHING,
    EXPORTER_CONTEXT,
    suite.hashSize,
    random,
  )
  return { kemOutput, initSecret: exported }
}

/** The group's side: the init secret, KDF.Nh bytes. @throws CryptoError `kem_failed` */
export function receiveExternalInit(
  suite: CipherSuite,
  externalPriv: Uint8Array,
  kemOutput: Uint8Array,
): Promise<Uint8Array> {
  return suite.hpkeExportReceiver(externalPriv, kemOutput, NOTHING, EXPORTER_CONTEXT, suite.hashSize)
}
