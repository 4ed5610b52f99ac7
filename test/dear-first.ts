/** The order of long runs: the files that take minutes begin first, so that no core waits for the last of them alone. */
import { BaseSequencer, type TestSpecification } from 'vitest/node'

const DEAR = [
  'test/properties/',
  'sim/test/long-partition',
  'test/scenarios/compromise',
  'test/scenarios/orders',
  'packages/mls/test/tree/',
  'packages/mls/test/group/random-walk',
  'packages/dmls/test/pprf/',
  'packages/store-level/test/',
  'test/spec/',
  'packages/crypto/test/wycheproof',
]

export class DearFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const place = DEAR.findIndex((part) => moduleId.includes(`/${part}`))
      return place < 0 ? DEAR.length : place
    }
    return (await super.sort(files)).toSorted((a, b) => rank(a) - rank(b))
  }
}
