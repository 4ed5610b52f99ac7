/**
 * What one of each primitive costs on this machine now, in a hot loop of its own, and what an operation's counts add up to
 * by that. For reading the counts: what an operation is held against is measured beside it (`floor.ts`).
 */
import { collectGarbage, median } from '../sampling.ts'
import { type Counts, meanLength, PRIMITIVES, type Primitive } from './counts.ts'
import { Floor, type Verification } from './floor.ts'

const SAMPLES = 25
/** Calls in one sample; more where signatures are verified side by side, until all threads are busy. */
const CALLS = 20
const CALLS_TOGETHER = 128
/** Bytes of the data of one call, and how many more to see what a byte costs. */
const LENGTH = 64
const MORE = 4096
const WITHOUT_DATA: ReadonlySet<Primitive> = new Set([
  'hpkeKeyPair',
  'hpkeDerive',
  'importHpkeKey',
  'importSignatureKey',
])

export interface Cost {
  readonly primitive: Primitive
  readonly verification: Verification
  /** Microseconds of one call on {@link LENGTH} bytes, and of each further KiB. */
  readonly us: number
  readonly usPerKib: number
}

export async function measureCosts(samples: number = SAMPLES): Promise<readonly Cost[]> {
  const costs: Cost[] = []
  collectGarbage()
  for (const primitive of PRIMITIVES) costs.push(await measureCost(primitive, 'one by one', samples))
  costs.push(await measureCost('verify', 'side by side', samples))
  return costs
}

async function measureCost(primitive: Primitive, verification: Verification, samples: number): Promise<Cost> {
  const calls = verification === 'side by side' ? CALLS_TOGETHER : CALLS
  const floorOf = (length: number): Floor => new Floor(only(primitive, calls, length * calls), verification)
  const [short, long] = [floorOf(LENGTH), floorOf(LENGTH + MORE)]
  const times: { readonly short: number[]; readonly long: number[] } = { short: [], long: [] }
  for (let i = -samples; i < samples; i++) {
    const [ofShort, ofLong] = [await short.measure(), await long.measure()]
    if (i < 0) continue
    times.short.push((ofShort * 1000) / calls)
    times.long.push((ofLong * 1000) / calls)
  }
  const us = median(times.short)
  const usPerKib = WITHOUT_DATA.has(primitive) ? 0 : Math.max(0, ((median(times.long) - us) * 1024) / MORE)
  return { primitive, verification, us, usPerKib }
}

function only(primitive: Primitive, calls: number, bytes: number): Counts {
  const none = { calls: 0, bytes: 0 }
  return {
    ...(Object.fromEntries(PRIMITIVES.map((each) => [each, none])) as Counts),
    [primitive]: { calls, bytes },
  }
}

/** Milliseconds: Σ count × cost of one. */
export function sumOfCosts(counts: Counts, costs: readonly Cost[], verification: Verification): number {
  let us = 0
  for (const primitive of PRIMITIVES) {
    const { calls } = counts[primitive]
    const wanted = primitive === 'verify' ? verification : 'one by one'
    const cost = costs.find((each) => each.primitive === primitive && each.verification === wanted)
    if (calls === 0 || cost === undefined) continue
    const more = WITHOUT_DATA.has(primitive) ? 0 : meanLength(counts[primitive]) - LENGTH
    us += calls * Math.max(0, cost.us + (more / 1024) * cost.usPerKib)
  }
  return us / 1000
}
