/**
 * Key packages over the network: we offer one on our own topic, and ask for others' on theirs. Whether one is valid is
 * judged when it is added (RFC 9420 §10.1); here only whose it is, and whether its time is over.
 */
import { equalBytes, toHex } from '@dmls/crypto'
import { decodeMlsMessage, type KeyPackage, missing } from '@dmls/mls'
import type { ClientContext } from './context.ts'
import { type KeyPackages, keyPackageMessage, lifetimeEnd, secondsNow } from './key-packages.ts'
import { keyPackageTopic } from './topic-names.ts'

/** Serves a key package that nobody used yet to whoever asks. Returns a function that stops. */
export async function offerKeyPackages(context: ClientContext, own: KeyPackages): Promise<() => Promise<void>> {
  const offered = async (): Promise<Uint8Array> => keyPackageMessage(await own.offer())
  const topic = keyPackageTopic(context.digest, context.identity.publicKey)
  return context.delivery.subscribe(topic, {
    receive: async () => 'ignore',
    held: async function* () {
      yield context.digest(await offered())
    },
    load: async (id) => {
      for (const candidate of own.all()) {
        const message = keyPackageMessage(candidate)
        if (toHex(context.digest(message)) === toHex(id)) return message
      }
      return undefined
    },
  })
}

/**
 * A key package of somebody, as an encoded MLSMessage. @throws MlsError `missing` `key_package_not_found` when none
 * came within `timeoutMs`.
 */
export async function fetchKeyPackage(
  context: ClientContext,
  identity: Uint8Array,
  timeoutMs: number,
): Promise<Uint8Array> {
  const topic = keyPackageTopic(context.digest, identity)
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  const timer = context.clock.schedule(timeoutMs, () => {
    reject(missing('key_package_not_found', 'nobody answered with a key package of this identity'))
  })
  const leave = await context.delivery.subscribe(topic, {
    receive: async (bytes) => {
      const keyPackage = readKeyPackageOf(context, bytes, identity)
      if (keyPackage === undefined) return 'reject'
      // clocks differ, and its owner may make a fresh one
      if (lifetimeEnd(keyPackage) < secondsNow(context.clock)) return 'ignore'
      resolve(bytes)
      return 'accept'
    },
    held: () => nothing(),
    load: async () => undefined,
  })
  try {
    await context.delivery.backfill(topic)
    return await promise
  } finally {
    timer.cancel()
    await leave()
  }
}

/** We hold nothing on a topic where we only ask. */
async function* nothing(): AsyncGenerator<Uint8Array, void, undefined> {
  yield* []
}

function readKeyPackageOf(context: ClientContext, bytes: Uint8Array, identity: Uint8Array): KeyPackage | undefined {
  try {
    const message = decodeMlsMessage(bytes)
    if (message.wireFormat !== 'mls_key_package') return undefined
    const { keyPackage } = message
    const owner = context.authenticator.identity(keyPackage.leafNode.credential)
    return equalBytes(owner, identity) ? keyPackage : undefined
  } catch {
    return undefined
  }
}
