/**
 * HPKE (RFC 9180) in base mode: SealBase, OpenBase and the exporter, over any KEM, HKDF and AEAD. A context lives for one
 * call, so its sequence number is zero.
 */

import { concatBytes, utf8, wipe } from './bytes.ts'
import { requireOutputLength } from './checks.ts'
import type { HpkeCiphertext, HpkeSealing, RandomSource } from './cipher-suite.ts'
import { labeledKdf } from './labeled-kdf.ts'
import type { Aead, Hpke, Kdf, Kem } from './primitives.ts'
import { AEAD, KDF_ID, KEM, NONCE_SIZE, type SuiteParameters } from './suite-table.ts'

/** RFC 9180 §5, `mode_base`. */
const MODE_BASE = 0x00
const EMPTY = new Uint8Array(0)

/** The key schedule of one suite and one info, RFC 9180 §5.1 with an empty PSK. */
interface KeySchedule {
  /** The AEAD key and the nonce of sequence number 0. */
  keyAndNonce(sharedSecret: Uint8Array): { readonly key: Uint8Array; readonly nonce: Uint8Array }
  /** RFC 9180 §5.3 Context.Export. */
  exported(sharedSecret: Uint8Array, exporterContext: Uint8Array, length: number): Uint8Array
}

export function hpkeBase(parameters: SuiteParameters, kem: Kem, kdf: Kdf, aead: Aead): Hpke {
  const scheduleOf = keySchedules(parameters, kdf)

  async function seal(
    { publicKey, plaintext }: HpkeSealing,
    schedule: KeySchedule,
    aad: Uint8Array,
    random: RandomSource,
  ): Promise<HpkeCiphertext> {
    const { sharedSecret, enc } = await kem.encap(publicKey, random)
    const { key, nonce } = schedule.keyAndNonce(sharedSecret)
    const ciphertext = aead.seal(key, nonce, aad, plaintext)
    wipe(sharedSecret, key, nonce)
    return { kemOutput: enc, ciphertext }
  }

  return {
    deriveKeyPair: async (ikm) => kem.deriveKeyPair(ikm),
    generateKeyPair: async (random) => kem.generateKeyPair(random),
    validatePublicKey: (publicKey) => kem.validatePublicKey(publicKey),
    seal: async (publicKey, info, aad, plaintext, random) =>
      seal({ publicKey, plaintext }, scheduleOf(info), aad, random),
    async sealAll(sealings, info, aad, random) {
      const schedule = scheduleOf(info)
      return Promise.all(sealings.map((sealing) => seal(sealing, schedule, aad, random)))
    },
    async open(privateKey, { kemOutput, ciphertext }, info, aad) {
      const decapsulated = kem.decap(kemOutput, privateKey)
      const sharedSecret = decapsulated instanceof Uint8Array ? decapsulated : await decapsulated
      const { key, nonce } = scheduleOf(info).keyAndNonce(sharedSecret)
      try {
        return aead.open(key, nonce, aad, ciphertext)
      } finally {
        wipe(sharedSecret, key, nonce)
      }
    },
    async exportSender(publicKey, info, exporterContext, length, random) {
      requireOutputLength(length, 255 * kdf.size)
      const { sharedSecret, enc } = await kem.encap(publicKey, random)
      const exported = scheduleOf(info).exported(sharedSecret, exporterContext, length)
      wipe(sharedSecret)
      return { kemOutput: enc, exported }
    },
    async exportReceiver(privateKey, kemOutput, info, exporterContext, length) {
      requireOutputLength(length, 255 * kdf.size)
      const sharedSecret = await kem.decap(kemOutput, privateKey)
      const exported = scheduleOf(info).exported(sharedSecret, exporterContext, length)
      wipe(sharedSecret)
      return exported
    },
  }
}

/** The key schedules of one suite, by info. */
function keySchedules(parameters: SuiteParameters, kdf: Kdf): (info: Uint8Array) => KeySchedule {
  const ids = [KEM[parameters.kem].id, KDF_ID[parameters.hash], AEAD[parameters.aead].id]
  const suiteId = concatBytes(utf8('HPKE'), Uint8Array.from(ids.flatMap((id) => [id >> 8, id & 0xff])))
  const labeled = labeledKdf(kdf, suiteId)
  const hashInfo = labeled.extractor('info_hash')
  const extractSecret = labeled.extractor('secret')
  // RFC 9180 §5.1: key_schedule_context = mode || psk_id_hash || info_hash; the first two never change here.
  const contextStart = concatBytes(Uint8Array.of(MODE_BASE), labeled.extractor('psk_id_hash')(EMPTY, EMPTY))
  const expandKey = labeled.expander('key', AEAD[parameters.aead].keySize, contextStart)
  const expandNonce = labeled.expander('base_nonce', NONCE_SIZE, contextStart)
  const expandExporterSecret = labeled.expander('exp', kdf.size, contextStart)
  return (info) => {
    const infoHash = hashInfo(EMPTY, info)
    return {
      keyAndNonce(sharedSecret) {
        const secret = extractSecret(sharedSecret, EMPTY)
        const key = expandKey(secret, infoHash)
        const nonce = expandNonce(secret, infoHash)
        wipe(secret)
        return { key, nonce }
      },
      exported(sharedSecret, exporterContext, length) {
        const secret = extractSecret(sharedSecret, EMPTY)
        const exporterSecret = expandExporterSecret(secret, infoHash)
        const exported = labeled.expander('sec', length)(exporterSecret, exporterContext)
        wipe(secret, exporterSecret)
        return exported
      },
    }
  }
}
