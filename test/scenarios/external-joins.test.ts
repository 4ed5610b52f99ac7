/** Newcomers who let themselves in, where the group's policy allows it: scenario 12. */
import { certifyGroupKey } from '@dmls/client'
import {
  createJoinInfo,
  DMLS_EPOCH_EXTENSION,
  DMLS_ROSTER_EXTENSION,
  encodeAuthenticatedData,
  encodeRosterExtension,
  heldEpoch,
  identifierBytes,
  instanceId,
  joinDmlsGroupExternally,
  leafOptions,
  mlsServices,
  type RosterEntry,
} from '@dmls/dmls'
import { createGroupInfo, type GroupInfo, joinExternally, keyPackageBytes } from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import { type Actor, fingerprint, profile, suite } from './actor.ts'
import { flipped, wrap } from './forge.ts'
import { actors, agreedHead, groupOf } from './story.ts'

type Four = [Actor, Actor, Actor, Actor]

async function infoOf(member: Actor): Promise<GroupInfo> {
  const message = await createJoinInfo(member.state, member.services)
  if (message.wireFormat !== 'mls_group_info') throw new Error('no GroupInfo')
  return message.groupInfo
}

/** Joins with a GroupInfo; the commit has to be published. */
async function join(newcomer: Actor, groupInfo: GroupInfo) {
  const keyPackage = await newcomer.keyPackage()
  const signer = newcomer.services.signerFor(keyPackage.leafNode.signatureKey)
  const leaf = leafOptions(suite, await certifyGroupKey(newcomer.identity, signer.publicKey))
  const joined = await joinDmlsGroupExternally(
    { profile, suite, groupInfo, signer, keyPackage, ...leaf },
    newcomer.services,
  )
  newcomer.take(joined)
  return joined
}

async function openGroup() {
  const people = (await actors(['alice', 'bob', 'carol', 'dora'])) as Four
  const [alice, bob, carol, dora] = people
  await groupOf([alice, bob], { externalCommits: 'allowed' })
  return { people, alice, bob, carol, dora }
}

describe('external commits', () => {
  test('scenario 12: two at once leave the epoch able to start its other children, and both end in one group', async () => {
    const { people, alice, bob, carol, dora } = await openGroup()
    const info = await infoOf(alice)
    const first = await join(carol, info)
    const second = await join(dora, info)
    // beside them, an ordinary commit from the same epoch
    const ordinary = await bob.commit()
    expect(await alice.receive(first.wire, second.wire, ordinary.wire)).toEqual(['commit', 'commit', 'commit'])
    expect(alice.state.dag.unresolvedHeads()).toHaveLength(3)
    const merge = await alice.commit()
    expect(alice.membersAmong(people)).toEqual(['alice', 'bob', 'carol', 'dora'])
    await bob.receive(first.wire, second.wire, merge.wire)
    for (const newcomer of [carol, dora]) {
      await newcomer.receive(merge.wire, ...merge.handovers)
      if (merge.welcome !== undefined) await newcomer.welcome(merge.welcome.message)
    }
    expect(agreedHead(people)).toBe(merge.epoch)
    expect(await alice.receive(await dora.say('in'))).toEqual(['application'])
  })

  test('scenario 12: one person who joins twice at once keeps one leaf', async () => {
    const { people, alice, bob, carol } = await openGroup()
    const info = await infoOf(alice)
    const again = await carol.copy('again')
    const first = await join(carol, info)
    const second = await join(again, info)
    await alice.receive(first.wire, second.wire)
    const merge = await alice.commit()
    expect(alice.membersAmong(people)).toEqual(['alice', 'bob', 'carol'])
    const [lower] = [carol.self, again.self].sort()
    expect([...alice.state.dag.roster(merge.epoch).keys()]).toContain(lower)
    await bob.receive(second.wire, first.wire, merge.wire)
    expect(bob.head).toBe(merge.epoch)
  })

  test('scenario 12: an external commit punctures nothing in the epoch that it starts from', async () => {
    const { alice, bob, carol } = await openGroup()
    const origin = alice.head
    const info = await infoOf(alice)
    const before = heldEpoch(alice.state, origin).group.initKey
    const joined = await join(carol, info)
    await alice.receive(joined.wire)
    expect(heldEpoch(alice.state, origin).group.initKey).toBe(before)
    const ordinary = await bob.commit()
    expect(await alice.receive(ordinary.wire)).toEqual(['commit'])
  })

  test('scenario 12: a member that misnames the others in its GroupInfo lets nobody in', async () => {
    const { alice, carol } = await openGroup()
    const name = { extensionType: DMLS_EPOCH_EXTENSION, extensionData: identifierBytes(alice.head) }
    const first = { leafIndex: 0, instance: alice.self }
    const stranger = instanceId(new Uint8Array(32).fill(7))
    const lies: RosterEntry[][] = [
      [first],
      [first, { leafIndex: 5, instance: stranger }],
      // the leaf that carol will take, so that the number is right
      [first, { leafIndex: 2, instance: stranger }],
    ]
    for (const lie of lies) {
      const roster = { extensionType: DMLS_ROSTER_EXTENSION, extensionData: encodeRosterExtension(lie) }
      const group = heldEpoch(alice.state, alice.head).group
      const signer = alice.services.signerFor(group.tree.leaf(group.ownLeaf)?.signatureKey ?? new Uint8Array())
      const told = await createGroupInfo(
        group,
        { signer, externalPub: 'included', extensions: [roster, name] },
        mlsServices(alice.services),
      )
      if (told.wireFormat !== 'mls_group_info') throw new Error('no GroupInfo')
      await expect(join(carol, told.groupInfo)).rejects.toMatchObject({ blame: 'invalid', code: 'bad_roster' })
    }
  })

  test('scenario 12: an external commit that is not as it must be changes nothing', async () => {
    const { alice, bob, carol, dora } = await openGroup()
    const groupInfo = await infoOf(alice)
    const own = await carol.keyPackage()
    const signer = carol.services.signerFor(own.leafNode.signatureKey)
    const leaf = leafOptions(suite, await certifyGroupKey(carol.identity, signer.publicKey))
    const { policy, ...services } = mlsServices(carol.services)
    const attempt = async (authenticatedData: Uint8Array, resync?: number): Promise<string> => {
      const lawless = { ...services, policy: { ...policy, externalCommits: 'all' as const } }
      const options = { profile, suite, groupInfo, signer, authenticatedData, ...leaf }
      const made = await joinExternally(resync === undefined ? options : { ...options, resync }, lawless)
      const before = fingerprint(alice.state)
      const [outcome] = await alice.receive(wrap(made.message, alice.head))
      if (outcome !== 'commit') expect(fingerprint(alice.state)).toBe(before)
      return outcome as string
    }
    const data = (application: Uint8Array): Uint8Array =>
      encodeAuthenticatedData({ counter: 1n, resolves: [], application })
    const bytes = keyPackageBytes(own)
    expect(await attempt(new Uint8Array(0))).toMatch(/^refused: /)
    expect(await attempt(data(new Uint8Array(0)))).toBe('refused: no_key_package')
    expect(await attempt(data(bytes.slice(0, -1)))).toBe('refused: no_key_package')
    expect(await attempt(data(keyPackageBytes(await dora.keyPackage())))).toBe('refused: key_package_mismatch')
    expect(await attempt(data(flipped(bytes, bytes.length - 1)))).toBe('refused: bad_key_package_signature')
    expect(await attempt(data(bytes), 1)).toBe('refused: external_commit_refused')
    expect(await attempt(data(bytes))).toBe('commit')
    expect(await alice.receive((await bob.commit()).wire)).toEqual(['commit'])
  })

  test('scenario 12: a group that does not allow it refuses them, and gives nobody the means', async () => {
    const { alice, carol } = await openGroup()
    const info = await infoOf(alice)
    const joined = await join(carol, info)
    const [erin, frank] = (await actors(['erin', 'frank'])) as [Actor, Actor]
    await groupOf([erin, frank])
    await expect(createJoinInfo(erin.state, erin.services)).rejects.toMatchObject({ code: 'external_commits_refused' })
    expect(await erin.receive(joined.wire)).toEqual(['refused: unknown_epoch'])
  })
})
