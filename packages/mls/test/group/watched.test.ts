/** Steps that take long in a large group: how they are followed, and ended early. */
import { describe, expect, test } from 'vitest'
import {
  createCommit,
  epochAuthenticator,
  type GroupState,
  joinGroup,
  type KeyPackageBundle,
  mlsProfile,
  processMessage,
  type Services,
  type Welcome,
} from '../../src/index.ts'
import { keyPackageOf, type Person, person, trio } from './people.ts'

const GUESTS = 150

interface Party {
  readonly alice: Person
  readonly bob: Person
  readonly a: GroupState
  readonly b: GroupState
  readonly guest: Person
  readonly bundles: readonly KeyPackageBundle[]
}

/** Many guests, one of whom acts. */
async function party(): Promise<Party> {
  const { alice, bob, a, b } = await trio()
  const guests = await Promise.all(Array.from({ length: GUESTS }, (_, i) => person(`guest ${i}`)))
  const bundles = await Promise.all(guests.map((each) => keyPackageOf(each)))
  return { alice, bob, a, b, guest: guests[0] as Person, bundles }
}

function adding({ bundles }: Party) {
  return bundles.map(({ keyPackage }) => ({ proposalType: 'add', keyPackage }) as const)
}

/** Services that write down what is told, and abort once `stopAt` are done. */
function watching(services: Services, stopAt?: number): { readonly watched: Services; readonly told: number[][] } {
  const stop = new AbortController()
  const told: number[][] = []
  const progress = (done: number, total: number): void => {
    told.push([done, total])
    if (done === stopAt) stop.abort(new Error('never mind'))
  }
  return { watched: { ...services, signal: stop.signal, progress }, told }
}

const ALL = [
  [64, GUESTS],
  [128, GUESTS],
  [GUESTS, GUESTS],
]

describe('a step in a large group tells how far it is, and can be aborted and taken again', () => {
  test('adding many at once, and processing that', async () => {
    const all = await party()
    const { alice, bob, a, b } = all
    const options = { signer: alice.signer, proposals: adding(all) }
    const givenUp = watching(alice.services, 64)
    await expect(createCommit(a, options, givenUp.watched)).rejects.toThrow('never mind')
    expect(givenUp.told).toEqual([[64, GUESTS]])
    const making = watching(alice.services)
    const { message, child } = await createCommit(a, options, making.watched)
    expect(making.told).toEqual(ALL)
    await expect(processMessage(b, message, watching(bob.services, 128).watched)).rejects.toThrow('never mind')
    const processing = watching(bob.services)
    const processed = await processMessage(b, message, processing.watched)
    expect(processing.told).toEqual(ALL)
    if (processed.kind !== 'commit' || processed.child === undefined) throw new Error('not a commit for bob')
    expect(epochAuthenticator(processed.child)).toEqual(epochAuthenticator(child))
  })

  test('joining', async () => {
    const all = await party()
    const { alice, a, guest, bundles } = all
    const { welcome, child } = await createCommit(a, { signer: alice.signer, proposals: adding(all) }, alice.services)
    if (welcome?.wireFormat !== 'mls_welcome') throw new Error('no Welcome')
    const enter = (services: Services, content: Welcome = welcome.welcome) =>
      joinGroup(
        { profile: mlsProfile, suite: guest.suite, welcome: content, keyPackages: bundles.slice(0, 1) },
        services,
      )
    const members = GUESTS + 3
    const givenUp = watching(guest.services, 128)
    await expect(enter(givenUp.watched)).rejects.toThrow('never mind')
    expect(givenUp.told).toEqual([
      [64, members],
      [128, members],
    ])
    const entering = watching(guest.services)
    const { state } = await enter(entering.watched)
    expect(entering.told.at(-1)).toEqual([members, members])
    expect(epochAuthenticator(state)).toEqual(epochAuthenticator(child))
  })

  test('not at all when it is aborted before', async () => {
    const all = await party()
    const services = { ...all.alice.services, signal: AbortSignal.abort(new Error('never mind')) }
    const options = { signer: all.alice.signer, proposals: adding(all) }
    await expect(createCommit(all.a, options, services)).rejects.toThrow('never mind')
  })
})
