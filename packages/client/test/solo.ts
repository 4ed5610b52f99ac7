/** A group with one member, as the client's inner parts hold it: steps are made by hand and applied to its state. */
import { signerFromPrivateKey, systemRandom } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { createDmlsGroup, createDmlsProfile, DEFAULT_GROUP_POLICY, type GroupPolicy, leafOptions } from '@dmls/dmls'
import { type ClientContext, DEFAULT_LIMITS, DEFAULT_TIMING } from '../src/context.ts'
import { GroupRecords, type LoadedGroup } from '../src/group/group-records.ts'
import { RunningState, servicesOf } from '../src/group/running-state.ts'
import { certifyGroupKey, createIdentity, selfCertifyingAuthenticator } from '../src/identity.ts'
import type { Store } from '../src/ports.ts'
import { systemClock } from '../src/system-clock.ts'
import { HandDelivery } from './hand-delivery.ts'

const suite = nodeProvider.cipherSuite(1)
const HOUR = 3600n
const YEAR = 365n * 24n * HOUR

export interface Solo {
  readonly context: ClientContext
  readonly running: RunningState
  /** The group as the store has it. */
  readonly load: () => Promise<LoadedGroup>
}

/** A group that alice began, written to the store. */
export async function createSolo(store: Store, policy: Partial<GroupPolicy> = {}): Promise<Solo> {
  const { identity } = await createIdentity(suite, systemRandom)
  const context: ClientContext = {
    suite,
    profile: createDmlsProfile(),
    store,
    delivery: new HandDelivery(),
    identity,
    authenticator: selfCertifyingAuthenticator(suite),
    clock: systemClock,
    random: systemRandom,
    timing: DEFAULT_TIMING,
    digest: (message) => suite.hash(message),
    limits: DEFAULT_LIMITS,
    joining: {},
    receiving: () => ({}),
  }
  const key = await suite.generateSignatureKeyPair(systemRandom)
  const signer = await signerFromPrivateKey(suite, key.privateKey)
  const groupId = systemRandom(32)
  const now = BigInt(Math.floor(context.clock.nowMs() / 1000))
  const step = await createDmlsGroup(
    {
      profile: context.profile,
      suite,
      groupId,
      signer,
      leaf: leafOptions(suite, await certifyGroupKey(identity, key.publicKey)),
      lifetime: { notBefore: now - HOUR, notAfter: now + YEAR },
      policy: { ...DEFAULT_GROUP_POLICY, ...policy },
    },
    servicesOf(context, () => signer),
  )
  const running = await RunningState.of(context, GroupRecords.fresh(groupId), step.state, [key])
  await running.apply(step)
  const load = async (): Promise<LoadedGroup> => (await GroupRecords.load(store, groupId, suite, context.profile)).group
  return { context, running, load }
}
