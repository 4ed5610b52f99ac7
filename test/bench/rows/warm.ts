/** Commits and messages between two members of a fully populated tree, and joining it. */
import { systemRandom } from '@dmls/crypto'
import { dmlsProfile } from '@dmls/dmls'
import { mlsProfile, type Profile } from '@dmls/mls'
import { type Pair, warmPair } from '../builder/pairs.ts'
import type { Section } from '../lanes/section.ts'
import { DECENTRALIZED, newNodeSuite, OURS, ours } from '../libraries/index.ts'
import type { BenchLibrary, BenchMember } from '../libraries/library.ts'
import { Counter, countingSuite } from '../primitives/counts.ts'
import { Samples } from '../results.ts'
import { collectGarbage, timed } from '../sampling.ts'

export interface WarmPlan {
  readonly size: number
  /** Joins in one round, of a library that repeats as much. */
  readonly joins: number
}

/** Above this no joins are thrown away to warm up: they take long, and what they run has run in smaller groups. */
const WARM_UP_JOINS_MAX = 1000
/** In small groups every library is quick, and has compiled what it runs before it comes to the large ones. */
const SMALL_MAX = 100
const REPEATS_SMALL = 8
const MESSAGE_SIZE = 100
const MESSAGES = 4
const COUNTED_COMMITS = 6

export async function warmSection(library: BenchLibrary, { size, joins }: WarmPlan): Promise<Section> {
  const samples = await samplesOf(library, size)
  const pair = await warmPair(library, size, { profile: profileOf(library) })
  const repeats = size > SMALL_MAX ? library.repeats : Math.max(REPEATS_SMALL, library.repeats)
  return {
    async round(kept) {
      for (let i = 0; i < repeats; i++) await exchange(library, pair, samples, !kept)
      if (!kept && size > WARM_UP_JOINS_MAX) return
      for (let i = 0; i < Math.min(joins, library.repeats); i++) await measureJoin(library, pair, samples, !kept)
    },
    results: () => samples.results(size),
  }
}

function profileOf({ name }: BenchLibrary): Profile {
  return name === DECENTRALIZED ? dmlsProfile : mlsProfile
}

/** Of ours with floors. */
async function samplesOf({ name }: BenchLibrary, size: number): Promise<Samples> {
  const samples = new Samples(OURS)
  if (name === OURS) await count(size, samples)
  return samples
}

export interface GrowthPlan {
  readonly size: number
  readonly beside: number
}

/**
 * A large group and a small one in turn, exchange by exchange, so that both see the same machine: what one costs more than
 * the other is the size. Joins are those that are necessary anyway.
 */
export async function growthSection(library: BenchLibrary, { size, beside }: GrowthPlan): Promise<Section> {
  const groups = [await groupOf(library, beside), await groupOf(library, size)]
  return {
    async round(kept) {
      for (let i = 0; i < library.repeats; i++) {
        for (const { pair, samples } of groups) await exchange(library, pair, samples, !kept)
      }
    },
    results: () => groups.flatMap((group) => group.samples.results(group.size)),
  }
}

async function groupOf(
  library: BenchLibrary,
  size: number,
): Promise<{ readonly size: number; readonly pair: Pair; readonly samples: Samples }> {
  const samples = await samplesOf(library, size)
  const pair = await warmPair(library, size, {
    profile: profileOf(library),
    joining: async (_, join) => {
      collectGarbage()
      const joined = await timed(join)
      await samples.add('join, warm', library.name, joined.ms)
      return joined.value
    },
  })
  return { size, pair, samples }
}

/** A commit of each, processed by the other, and messages in the new epoch. */
async function exchange(
  { name }: BenchLibrary,
  { bob, charlie }: Pair,
  samples: Samples,
  warmUp: boolean,
): Promise<void> {
  for (const [committer, receiver] of inTurn(bob, charlie)) {
    const made = await timed(() => committer.commit([]))
    await samples.add('make commit, warm', name, made.ms, warmUp)
    const processed = await timed(() => receiver.process(made.value.commit))
    await samples.add('process commit, warm', name, processed.ms, warmUp)
    made.value.take()
    processed.value.take()
    await exchangeMessages(name, committer, receiver, samples, warmUp)
  }
}

function inTurn(bob: BenchMember, charlie: BenchMember): readonly (readonly [BenchMember, BenchMember])[] {
  return [
    [bob, charlie],
    [charlie, bob],
  ]
}

async function exchangeMessages(
  name: string,
  sender: BenchMember,
  receiver: BenchMember,
  samples: Samples,
  warmUp: boolean,
): Promise<void> {
  const data = systemRandom(MESSAGE_SIZE)
  for (let i = 0; i < MESSAGES; i++) {
    const encrypted = await timed(() => sender.encrypt(data))
    const decrypted = await timed(() => receiver.decrypt(encrypted.value))
    if (decrypted.value.length !== MESSAGE_SIZE) throw new Error(`${name} decrypted something else`)
    // the first message of a sender in an epoch also opens the secret tree
    if (i === 0) continue
    await samples.add('encrypt 100 B', name, encrypted.ms, warmUp)
    await samples.add('decrypt 100 B', name, decrypted.ms, warmUp)
  }
}

async function measureJoin(
  { name }: BenchLibrary,
  { charlie, welcome }: Pair,
  samples: Samples,
  warmUp: boolean,
): Promise<void> {
  charlie.forgetCaches()
  const joined = await timed(() => charlie.join(welcome))
  await samples.add('join, warm', name, joined.ms, warmUp)
}

/** The same once more with ours, in another group, to count the primitives. */
async function count(size: number, samples: Samples): Promise<void> {
  const counters: Counter[] = []
  const library = ours(() => {
    const counter = new Counter()
    counters.push(counter)
    return countingSuite(newNodeSuite(), counter)
  })
  const { bob, charlie } = await warmPair(library, size, {
    joining: async (who, join) => {
      const counter = counters[who === 'bob' ? 0 : 1] as Counter
      counter.take()
      const joined = await join()
      samples.count('join, warm', counter.take())
      return joined
    },
  })
  const [ofBob, ofCharlie] = counters as [Counter, Counter]
  const counterOf = (member: BenchMember): Counter => (member === bob ? ofBob : ofCharlie)
  for (let i = 0; i < COUNTED_COMMITS; i++) {
    for (const [committer, receiver] of inTurn(bob, charlie)) {
      for (const member of [committer, receiver]) counterOf(member).take()
      const made = await committer.commit([])
      samples.count('make commit, warm', counterOf(committer).take())
      const processed = await receiver.process(made.commit)
      samples.count('process commit, warm', counterOf(receiver).take())
      made.take()
      processed.take()
      await receiver.decrypt(await committer.encrypt(systemRandom(MESSAGE_SIZE)))
      for (const member of [committer, receiver]) counterOf(member).take()
      const message = await committer.encrypt(systemRandom(MESSAGE_SIZE))
      samples.count('encrypt 100 B', counterOf(committer).take())
      await receiver.decrypt(message)
      samples.count('decrypt 100 B', counterOf(receiver).take())
    }
  }
}
