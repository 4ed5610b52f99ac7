/** A group that was just created: one commit adds everybody, joining it, and the first commits in a tree without parents. */
import { systemRandom } from '@dmls/crypto'
import { nodeProvider } from '@dmls/crypto/node'
import { syntheticKeyPackages } from '../builder/key-packages.ts'
import type { Section } from '../lanes/section.ts'
import { newNodeSuite, OURS, ours } from '../libraries/index.ts'
import type { BenchLibrary, BenchMember } from '../libraries/library.ts'
import { Counter, countingSuite } from '../primitives/counts.ts'
import { type Operation, Samples } from '../results.ts'
import { collectGarbage, timed } from '../sampling.ts'

export interface BarePlan {
  readonly size: number
  /** Groups that a quick library creates in one round, and update commits measured in each group. */
  readonly groups: number
  readonly commits: number
}

/** Creating a group of more takes long, and what it runs has run in smaller ones: nothing is thrown away to warm up. */
const WARM_UP_MAX = 1000

export async function bareSection(library: BenchLibrary, { size, groups, commits }: BarePlan): Promise<Section> {
  const { name, foundings, member } = library
  const samples = new Samples(OURS)
  const guests = syntheticKeyPackages(nodeProvider.cipherSuite(1), size - 2)
  if (name === OURS) await count(guests, samples)
  return {
    async round(kept) {
      // what is measured once in a round takes so long that its first time hardly differs
      if (!kept && (foundings === 1 || size > WARM_UP_MAX)) return
      for (let i = 0; i < Math.min(groups, foundings); i++) {
        collectGarbage()
        await found(member, guests, commits, (operation, ms) => samples.add(operation, name, ms, !kept))
      }
    },
    results: () => samples.results(size),
  }
}

type Note = (operation: Operation, ms: number) => void | Promise<void>

async function found(
  newMember: BenchLibrary['member'],
  guests: readonly Uint8Array[],
  commits: number,
  note: Note,
  before: (who: 'alice' | 'dora') => void = () => undefined,
): Promise<void> {
  const [alice, dora] = [await newMember('alice'), await newMember('dora')]
  // dora is the last one, so that alice's commits reach her through a leaf
  const keyPackages = [...guests, await dora.keyPackage()]
  before('alice')
  const created = await timed(async () => {
    await alice.create(systemRandom(32))
    return alice.commit(keyPackages)
  })
  await note('create and add all', created.ms)
  created.value.take()
  before('dora')
  const joined = await timed(() => dora.join(created.value.welcome as Uint8Array))
  await note('join, bare', joined.ms)
  joined.value.take()
  for (let i = 0; i < commits; i++) await commitBare(alice, dora, note, before)
}

async function commitBare(
  alice: BenchMember,
  dora: BenchMember,
  note: Note,
  before: (who: 'alice' | 'dora') => void,
): Promise<void> {
  before('alice')
  const made = await timed(() => alice.commit([]))
  await note('make commit, bare', made.ms)
  made.value.take()
  before('dora')
  const processed = await timed(() => dora.process(made.value.commit))
  await note('process commit, bare', processed.ms)
  processed.value.take()
}

async function count(guests: readonly Uint8Array[], samples: Samples): Promise<void> {
  const counters: Counter[] = []
  const { member } = ours(() => {
    const counter = new Counter()
    counters.push(counter)
    return countingSuite(newNodeSuite(), counter)
  })
  let acting: Counter | undefined
  const before = (who: 'alice' | 'dora'): void => {
    acting = counters[who === 'alice' ? 0 : 1]
    acting?.take()
  }
  const note = (operation: Operation): void => {
    if (acting !== undefined) samples.count(operation, acting.take())
  }
  await found(member, guests, 1, note, before)
}
