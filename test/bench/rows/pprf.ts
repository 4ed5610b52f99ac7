/** One evaluation of the puncturable PRF: 512 expansions and one for the output. */
import { systemRandom } from '@dmls/crypto'
import { Pprf } from '@dmls/dmls'
import { newNodeSuite, OURS } from '../libraries/index.ts'
import { Counter, countingSuite } from '../primitives/counts.ts'
import { type Result, Samples } from '../results.ts'
import { timed } from '../sampling.ts'

const WARM_UP = 20
const ROUNDS = 60

export async function measurePprf(rounds: number = ROUNDS): Promise<Result[]> {
  const samples = new Samples(OURS)
  const counter = new Counter()
  const counting = countingSuite(newNodeSuite(), counter)
  Pprf.fromKey(counting, systemRandom(32)).evaluate(systemRandom(32))
  samples.count('PPRF evaluation', counter.take())
  const suite = newNodeSuite()
  for (let round = -WARM_UP; round < rounds; round++) {
    const pprf = Pprf.fromKey(suite, systemRandom(32))
    const input = systemRandom(32)
    const { ms } = await timed(() => pprf.evaluate(input))
    await samples.add('PPRF evaluation', OURS, ms, round < 0)
  }
  return samples.results(0)
}
