/** Alice, bob, charlie and dave, half of them on each implementation. */
import { toHex } from '@dmls/crypto'
import type { Extension } from '@dmls/mls'
import { InteropGroup, memberOf } from './interop-group.ts'
import type { Implementation, InteropMember, TreeDelivery } from './interop-member.ts'

export function other(implementation: Implementation): Implementation {
  return implementation === 'ours' ? 'ts-mls' : 'ours'
}

export interface Four {
  readonly group: InteropGroup
  readonly alice: InteropMember
  readonly bob: InteropMember
  readonly charlie: InteropMember
  readonly dave: InteropMember
}

export interface FourOptions {
  readonly tree?: TreeDelivery
  readonly cipherSuite?: number
  readonly extensions?: readonly Extension[]
}

/** Alice and charlie run the first implementation, bob and dave the other; alice made the group and added them all. */
export async function four(first: Implementation, options: FourOptions = {}): Promise<Four> {
  const { tree = 'included', cipherSuite = 1, extensions = [] } = options
  const alice = await memberOf(first, 'alice', cipherSuite)
  const bob = await memberOf(other(first), 'bob', cipherSuite)
  const charlie = await memberOf(first, 'charlie', cipherSuite)
  const dave = await memberOf(other(first), 'dave', cipherSuite)
  const group = await InteropGroup.create(alice, { extensions })
  await group.add(alice, [bob, charlie, dave], { tree })
  return { group, alice, bob, charlie, dave }
}

/** A readable fingerprint of an epoch. */
export async function authenticatorOf(member: InteropMember): Promise<string> {
  return toHex((await member.view()).epochAuthenticator)
}
