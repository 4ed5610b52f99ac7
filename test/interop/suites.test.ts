/** Every cipher suite of RFC 9420. The packages that `ts-mls` wants for some of them are dependencies of `test`. */
import { describe, test } from 'vitest'
import { IMPLEMENTATIONS, memberOf } from './interop-group.ts'
import { four } from './people.ts'

describe.each([1, 2, 3, 4, 5, 6, 7])('with suite %i', (cipherSuite) => {
  test.for(IMPLEMENTATIONS)('a mixed group that %s creates works', async (first) => {
    const { group, alice, bob, charlie, dave } = await four(first, { cipherSuite })
    await group.commit(bob, { framing: 'public' })
    await group.proposeUpdate(charlie)
    await group.proposeUpdate(dave)
    await group.commit(alice)
    await group.everybodySpeaks()
    await group.joinExternally(await memberOf('ours', 'erin', cipherSuite), bob)
    await group.joinExternally(await memberOf('ts-mls', 'frank', cipherSuite), alice)
    await group.everybodySpeaks()
  })
})
