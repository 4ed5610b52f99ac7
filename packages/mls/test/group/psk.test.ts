import { equalBytes, utf8 } from '@dmls/crypto'
import { expect, test } from 'vitest'
import { pskSecretOf } from '../../src/group/psk.ts'
import {
  createCommit,
  epochAuthenticator,
  type GroupState,
  type PreSharedKeyId,
  type Psk,
  resumptionPsk,
  sendProposal,
} from '../../src/index.ts'
import { codeOf, follow, hear, join, keyPackageOf, type Person, person, receive, trio } from './people.ts'

const external = (name: string): Psk => ({ pskType: 'external', pskId: utf8(name) })
const withNonce = (psk: Psk, fill = 1): PreSharedKeyId => ({ psk, pskNonce: new Uint8Array(32).fill(fill) })
const knowing = (who: Person, secrets: Record<string, string>): Person => ({
  ...who,
  services: {
    ...who.services,
    findPsk: async ({ psk }) => {
      if (psk.pskType !== 'external') return undefined
      const found = Object.entries(secrets).find(([name]) => equalBytes(utf8(name), psk.pskId))
      return found && utf8(found[1])
    },
  },
})

test('two external keys are injected, by value and by reference, and a newcomer needs both', async () => {
  const { alice, bob, a, b } = await trio()
  const secrets = { one: 'first', two: 'second' }
  const options = { signer: bob.signer }
  const two = withNonce(external('two'))
  const proposed = await sendProposal(b, { proposalType: 'psk', psk: two }, options, bob.services)
  const dora = await person('dora')
  const bundle = await keyPackageOf(dora)
  const proposals = [
    { proposalType: 'add', keyPackage: bundle.keyPackage } as const,
    { proposalType: 'psk', psk: withNonce(external('one')) } as const,
  ]
  const a1 = await hear(alice, a, proposed.message)
  const commit = { signer: alice.signer, proposals, references: 'all' } as const
  const created = await createCommit(a1, commit, knowing(alice, secrets).services)
  expect(created.dropped).toEqual([])
  const b1 = await follow(knowing(bob, secrets), proposed.state, created.message)
  expect(epochAuthenticator(b1)).toEqual(epochAuthenticator(created.child))
  expect(await codeOf(join(knowing(dora, { one: 'first' }), created.welcome, bundle))).toBe('psk_not_found')
  const d = await join(knowing(dora, secrets), created.welcome, bundle)
  expect(epochAuthenticator(d)).toEqual(epochAuthenticator(created.child))
  expect(await codeOf(join(knowing(dora, { ...secrets, two: 'other' }), created.welcome, bundle))).toBe(
    'group_info_open_failed',
  )
})

test('the resumption key of this epoch needs no question, one of an earlier epoch does', async () => {
  const { alice, bob, a, b } = await trio()
  const id = (state: GroupState): PreSharedKeyId =>
    withNonce({
      pskType: 'resumption',
      usage: 'application',
      pskGroupId: state.context.groupId,
      pskEpoch: state.context.epoch,
    })
  const inject = (psk: PreSharedKeyId) => ({ signer: alice.signer, proposals: [{ proposalType: 'psk', psk } as const] })
  const now = await createCommit(a, inject(id(a)), alice.services)
  const b1 = await follow(bob, b, now.message)
  expect(epochAuthenticator(b1)).toEqual(epochAuthenticator(now.child))
  const earlier = createCommit(now.child, inject(id(a)), alice.services)
  expect(await codeOf(earlier)).toBe('psk_not_found')
  const remembering = (who: Person, state: GroupState): Person => {
    const key = resumptionPsk(state)
    const findPsk = async ({ psk }: { psk: Psk }) =>
      psk.pskType === 'resumption' && psk.pskEpoch === 1n ? key : undefined
    return { ...who, services: { ...who.services, findPsk } }
  }
  const later = await createCommit(now.child, inject(id(a)), remembering(alice, a).services)
  expect(await codeOf(receive(bob, b1, later.message))).toBe('psk_not_found')
  expect(epochAuthenticator(await follow(remembering(bob, b), b1, later.message))).toEqual(
    epochAuthenticator(later.child),
  )
})

test('a commit of pre-shared keys alone needs no path', async () => {
  const { alice, bob, a, b } = await trio()
  const secrets = { one: 'first' }
  const proposals = [{ proposalType: 'psk', psk: withNonce(external('one')) } as const]
  const options = { signer: alice.signer, proposals, path: 'when_required' } as const
  const created = await createCommit(a, options, knowing(alice, secrets).services)
  expect(created.commit.path).toBeUndefined()
  const b1 = await follow(knowing(bob, secrets), b, created.message)
  expect(epochAuthenticator(b1)).toEqual(epochAuthenticator(created.child))
})

test('the key of a component of the application is asked for like an external one', async () => {
  const { alice, bob, a, b } = await trio()
  const psk: Psk = { pskType: 'application', componentId: 0x8001, pskId: utf8('password') }
  const findPsk = async ({ psk: asked }: { psk: Psk }) =>
    asked.pskType === 'application' && asked.componentId === 0x8001 ? utf8('hunter2') : undefined
  const proposals = [{ proposalType: 'psk', psk: withNonce(psk) } as const]
  const created = await createCommit(a, { signer: alice.signer, proposals }, { ...alice.services, findPsk })
  const b1 = await follow({ ...bob, services: { ...bob.services, findPsk } }, b, created.message)
  expect(epochAuthenticator(b1)).toEqual(epochAuthenticator(created.child))
})

test('a list of more keys than a PSKLabel can count is the fault of whoever sent it', async () => {
  const ids = new Array<PreSharedKeyId>(65_536).fill(withNonce(external('one')))
  const lookup = { held: [], context: undefined, services: {} }
  expect(await codeOf(pskSecretOf((await person('alice')).suite, ids, lookup))).toBe('too_many_psks')
})
