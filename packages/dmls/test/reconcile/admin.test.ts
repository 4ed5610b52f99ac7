import { describe, expect, test } from 'vitest'
import { type AdminPolicy, mayCommit, type Operation } from '../../src/reconcile/admin.ts'
import { identityOf, instanceOf } from '../story.ts'

function by(name: string, operation: Partial<Operation> = {}): Operation {
  const actor = { instance: instanceOf(name), identity: identityOf(name) }
  return { actor, adds: [], removes: [], settings: false, merges: false, ...operation }
}

const update = by('bob')
const invite = by('bob', { adds: [identityOf('dave')] })
const expel = by('bob', { removes: [instanceOf('charlie')] })
const rename = by('bob', { settings: true })

describe('who may commit what', () => {
  test('everybody may do everything where the group says anyone', () => {
    for (const operation of [update, invite, expel, rename]) expect(mayCommit({ kind: 'anyone' }, operation)).toBe(true)
  })

  test('only named members may remove and change settings; updates and merges are everybody’s', () => {
    const named: AdminPolicy = {
      kind: 'named',
      instances: [instanceOf('alice/phone')],
      identities: [identityOf('erin')],
      invitations: 'named',
    }
    expect([update, { ...update, merges: true }].map((operation) => mayCommit(named, operation))).toEqual([true, true])
    expect([invite, expel, rename].map((operation) => mayCommit(named, operation))).toEqual([false, false, false])
    const open: AdminPolicy = { ...named, invitations: 'anyone' }
    expect([invite, expel, rename].map((operation) => mayCommit(open, operation))).toEqual([true, false, false])
    // alice is named by one of her devices, erin by all of them
    const may = (name: string): boolean => mayCommit(named, by(name, { removes: [instanceOf('charlie')] }))
    expect([may('alice/phone'), may('alice/laptop'), may('erin/phone'), may('erin/laptop')]).toEqual([
      true,
      false,
      true,
      true,
    ])
  })

  test('the application decides where the group leaves it to it, and has to be there for that', () => {
    const policy: AdminPolicy = { kind: 'application' }
    expect(mayCommit(policy, expel, ({ removes }) => removes.length === 0)).toBe(false)
    expect(mayCommit(policy, invite, ({ removes }) => removes.length === 0)).toBe(true)
    expect(() => mayCommit(policy, invite)).toThrow(expect.objectContaining({ blame: 'usage', code: 'no_admin_rule' }))
    // it is not asked about what is everybody's
    expect([update, { ...update, merges: true }].map((each) => mayCommit(policy, each, () => false))).toEqual([
      true,
      true,
    ])
    const broken = (): boolean => {
      throw new Error('a mistake of the application')
    }
    expect(() => mayCommit(policy, invite, broken)).toThrow(
      expect.objectContaining({ blame: 'internal', code: 'admin_rule_failed' }),
    )
  })
})
