/** Two members of one library in one group: what commits and messages are measured between. */
import { systemRandom } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { type MlsMessage, mlsMessageBytes, mlsProfile, type Profile } from '@dmls/mls'
import type { BenchLibrary, BenchMember, Computed } from '../libraries/library.ts'
import { type Actor, addMembers, buildWarmGroup, follow, measuredLeaves } from './warm-group.ts'

const suite = nodeProvider.cipherSuite(1)

export interface Pair {
  readonly bob: BenchMember
  readonly charlie: BenchMember
  /** Charlie's, who joined last: for measuring a join again. */
  readonly welcome: Uint8Array
}

export interface PairOptions {
  readonly profile?: Profile
  /** Does, and may measure, the joins; in a group of two only Charlie joins. */
  readonly joining?: (who: 'bob' | 'charlie', join: () => Promise<Computed>) => Promise<Computed>
}

/** Bob and Charlie in a fully populated tree, after one commit of each. */
export async function warmPair(library: BenchLibrary, size: number, options: PairOptions = {}): Promise<Pair> {
  const { profile = mlsProfile, joining = (_, join) => join() } = options
  const bob = await library.member('bob')
  const charlie = await library.member('charlie')
  const welcome = size < 8 ? await found(bob, charlie, joining) : await joinLarge(bob, charlie, size, profile, joining)
  await commitInTurn(bob, charlie)
  return { bob, charlie, welcome }
}

type Joining = Required<PairOptions>['joining']

async function found(bob: BenchMember, charlie: BenchMember, joining: Joining): Promise<Uint8Array> {
  await bob.create(systemRandom(32))
  const made = await bob.commit([await charlie.keyPackage()])
  made.take()
  const welcome = made.welcome as Uint8Array
  ;(await joining('charlie', () => charlie.join(welcome))).take()
  return welcome
}

async function joinLarge(
  bob: BenchMember,
  charlie: BenchMember,
  size: number,
  profile: Profile,
  joining: Joining,
): Promise<Uint8Array> {
  const newcomers = measuredLeaves(size)
  const [alice, zoe] = (await buildWarmGroup({ suite, profile, size, newcomers })) as [Actor, Actor]
  const first = await addMembers(alice, [await bob.keyPackage()])
  ;(await joining('bob', () => bob.join(first.welcome))).take()
  const second = await addMembers(await follow(zoe, first.commit), [await charlie.keyPackage()])
  ;(await joining('charlie', () => charlie.join(second.welcome))).take()
  ;(await bob.process(bytes(second.commit))).take()
  return second.welcome
}

function bytes(message: MlsMessage): Uint8Array {
  return mlsMessageBytes(message)
}

/** One commit of each, processed by the other. */
export async function commitInTurn(bob: BenchMember, charlie: BenchMember): Promise<void> {
  for (const [committer, receiver] of [
    [bob, charlie],
    [charlie, bob],
  ] as const) {
    const made = await committer.commit([])
    ;(await receiver.process(made.commit)).take()
    made.take()
  }
}
