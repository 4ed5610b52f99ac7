/**
 * Where `ts-mls` 1.6.4 and RFC 9420 part: each disagreement that was found, with the section that decides it. The walk
 * and the stories keep clear of these, or help the peer (`ts-mls/peer-amendments.ts`). A test that fails here after an
 * update of the peer is good news.
 */
import { concatBytes, utf8 } from '@dmls/crypto'
import {
  createExternalProposal,
  decodeMlsMessage,
  type Extension,
  externalSendersExtension,
  type Lifetime,
  MlsError,
  mlsMessageBytes,
  processMessage,
  validateKeyPackage,
} from '@dmls/mls'
import {
  acceptAll,
  type Credential,
  createGroupInfoWithExternalPub,
  decodeExternalSender,
  decodeMlsMessage as decodePeerMessage,
  defaultCapabilities,
  defaultLifetime,
  emptyPskIndex,
  encodeMlsMessage,
  generateKeyPackage,
  joinGroup,
  joinGroupExternal,
  type KeyPackage,
  processMessage as processPeerMessage,
  processPrivateMessage,
} from 'ts-mls'
import { decryptGroupSecrets, encryptGroupSecrets } from 'ts-mls/welcome.js'
import { describe, expect, test } from 'vitest'
import { EXTENSION_TYPES, lifetime } from './common.ts'
import { InteropGroup } from './interop-group.ts'
import type { InteropMember, PskName } from './interop-member.ts'
import { keyPackageIn, newSigner, OurMember } from './our-member.ts'
import { peerMiscountsPath, peerRefusesToJoin } from './ts-mls/peer-limits.ts'
import { PeerMember } from './ts-mls/peer-member.ts'
import { messageIn, suiteOf } from './ts-mls/peer-values.ts'

const [TYPE] = EXTENSION_TYPES as readonly [number]
const CREDENTIAL: Credential = { credentialType: 'basic', identity: utf8('erin') }
const NAMED: Extension = { extensionType: TYPE, extensionData: utf8('named') }
const change = (...extensions: readonly Extension[]) => ({ type: 'group_context_extensions', extensions }) as const
const removal = (member: InteropMember) => ({ type: 'remove', leafIndex: member.leafIndex }) as const

const ours = (name: string): Promise<OurMember> => OurMember.of(name, { cipherSuite: 1 })
const peer = (name: string): Promise<PeerMember> => PeerMember.of(name, 1)

/** Alice runs ours, bob the peer; she made the group. */
async function pair(extensions: readonly Extension[] = []) {
  const [alice, bob] = [await ours('alice'), await peer('bob')]
  const group = await InteropGroup.create(alice, { extensions })
  await group.add(alice, [bob])
  return { group, alice, bob }
}

/** The code of the MlsError that we refuse with. */
async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt
  } catch (error) {
    if (error instanceof MlsError) return error.code
    throw error
  }
  return 'accepted'
}

describe('trees', () => {
  test('of which one half is empty: the blank root is no part of the path (§4.1.2, §12.4.2)', async () => {
    const [alice, bob, charlie, dave] = [
      await ours('alice'),
      await ours('bob'),
      await ours('charlie'),
      await peer('dave'),
    ]
    const group = await InteropGroup.create(alice)
    await group.add(alice, [bob, charlie, dave])
    const proposals = [removal(alice), removal(bob)]
    const [hers, his] = [await charlie.commit({ proposals }), await dave.commit({ proposals })]
    for (const { ratchetTree } of [hers, his]) expect(peerMiscountsPath(1, ratchetTree)).toBe(true)
    await expect(dave.receive(hers.commit)).rejects.toThrow(/confirmation tag/)
    expect(await refusal(charlie.receive(his.commit))).toBe('bad_confirmation_tag')
    his.take()
    // node 3 is the root: blank, and yet the peer has derived a key for it
    expect(dave.state.ratchetTree[3]).toBeUndefined()
    expect(dave.state.privatePath.privateKeys[3]).toBeDefined()
  })

  test('whose nodes have different unmerged leaves: only those between must list the same (§12.4.3.1)', async () => {
    const people = [
      await ours('alice'),
      await ours('bob'),
      await ours('charlie'),
      await ours('dave'),
      await ours('erin'),
    ]
    const [alice, bob, , , erin] = people as [OurMember, OurMember, OurMember, OurMember, OurMember]
    const group = await InteropGroup.create(alice)
    await group.add(alice, people.slice(1))
    await group.commit(alice, { proposals: [removal(bob)] })
    const [frank, grace] = [await peer('frank'), await ours('grace')]
    const adds = await Promise.all(
      [frank, grace].map(async (each) => ({ type: 'add', keyPackage: await each.keyPackage() }) as const),
    )
    // frank takes bob's leaf: alice's node above it lists him, and erin's new root above that does not
    const { welcome, ratchetTree } = await erin.commit({ proposals: adds })
    expect(peerRefusesToJoin(1, ratchetTree)).toBe(true)
    await grace.join(welcome as Uint8Array, undefined)
    await expect(frank.join(welcome as Uint8Array, undefined)).rejects.toThrow(
      /must list leaf node in its unmerged_leaves/,
    )
  })
})

describe('extensions of the group', () => {
  test('are changed by a commit without a path, which needs one (§12.4)', async () => {
    const { alice, bob } = await pair()
    const { commit } = await bob.commit({ proposals: [change(NAMED)] })
    expect(await refusal(alice.receive(commit))).toBe('path_required')
  })

  test('are old in the context under which a path is encrypted (§12.4.1)', async () => {
    const { group, alice, bob } = await pair()
    const charlie = await peer('charlie')
    await group.add(alice, [charlie])
    await group.proposeUpdate(alice)
    const { commit } = await bob.commit({ proposals: [change(NAMED)] })
    expect(await refusal(alice.receive(commit))).toBe('path_secret_undecryptable')
    await expect(charlie.receive(commit)).rejects.toThrow()
  })

  test('stay although an empty list replaces them (§12.1.7)', async () => {
    const { group, alice, bob } = await pair([NAMED])
    const charlie = await ours('charlie')
    await group.add(alice, [charlie])
    const { commit } = await alice.commit({ proposals: [change()] })
    // the peer looks for the path secret under a context with the old extensions
    await expect(bob.receive(commit)).rejects.toThrow(/OpenError/)
    expect(await charlie.receive(commit)).toEqual({ kind: 'commit' })
    expect(charlie.state.context.extensions).toEqual([])
  })

  test('hold one external sender instead of a list (§12.1.8.1)', async () => {
    const signer = await newSigner(1)
    const credential = { credentialType: 'basic', identity: utf8('the service') } as const
    const senders = externalSendersExtension([{ signatureKey: signer.publicKey, credential }])
    expect(decodeExternalSender(senders.extensionData, 0)?.[0].signaturePublicKey).not.toEqual(signer.publicKey)
    const { alice, bob } = await pair([senders])
    const proposal = { proposalType: 'remove', removed: 1 } as const
    const message = await createExternalProposal({
      signer,
      senderIndex: 0,
      proposal,
      groupId: utf8('group'),
      epoch: 1n,
    })
    expect(await alice.receive(mlsMessageBytes(message))).toEqual({ kind: 'proposal' })
    await expect(bob.receive(mlsMessageBytes(message))).rejects.toThrow()
  })
})

describe('proposals', () => {
  test("of one's own Update wedge the committer, who should leave it out (§12.2)", async () => {
    const { group, alice, bob } = await pair()
    await group.proposeUpdate(alice)
    await group.commit(alice)
    await group.proposeUpdate(bob)
    await expect(bob.commit({})).rejects.toThrow(/update proposal sent by committer/)
  })

  test('that remove one member twice wedge every committer, who should choose one (§12.2)', async () => {
    const { group, alice, bob } = await pair()
    const charlie = await peer('charlie')
    await group.add(alice, [charlie])
    await group.propose(alice, removal(charlie))
    await group.propose(bob, removal(charlie))
    await expect(bob.commit({})).rejects.toThrow(/same leaf/)
    await group.commit(alice)
    expect(group.members).toEqual([alice, bob])
  })

  test('that remove a member and give its leaf to another are not noticed by the one who goes (§12.4.2)', async () => {
    const { alice, bob } = await pair()
    const charlie = await ours('charlie')
    const proposals = [removal(bob), { type: 'add', keyPackage: await charlie.keyPackage() } as const]
    const { commit } = await alice.commit({ proposals })
    const { privateMessage } = messageIn(commit, 'mls_private_message')
    const processed = processPrivateMessage(bob.state, privateMessage, bob.pskIndex, bob.impl)
    await expect(processed).rejects.toThrow(/No overlap/)
    expect(await bob.receive(commit)).toEqual({ kind: 'removed' })
  })
})

describe('pre-shared keys', () => {
  const external: PskName = { pskType: 'external', pskId: utf8('id') }

  test('of another group keep newcomers out, as if the group continued that one (§12.4.3.1)', async () => {
    const { alice, bob } = await pair()
    const psk: PskName = { pskType: 'resumption', groupId: utf8('another group'), epoch: 3n }
    const [charlie, dave] = [await ours('charlie'), await peer('dave')]
    for (const each of [alice, bob, charlie, dave]) each.learnPsk(psk, utf8('what its members have in common'))
    const adds = await Promise.all(
      [charlie, dave].map(async (each) => ({ type: 'add', keyPackage: await each.keyPackage() }) as const),
    )
    const { welcome, commit } = await alice.commit({ proposals: [...adds, { type: 'psk', psk }] })
    expect(await bob.receive(commit)).toEqual({ kind: 'commit' })
    await charlie.join(welcome as Uint8Array, undefined)
    await expect(dave.join(welcome as Uint8Array, undefined)).rejects.toThrow(/No prior state passed for resumption/)
  })

  test('are not looked up by processMessage for a PrivateMessage', async () => {
    const { alice, bob } = await pair()
    for (const each of [alice, bob]) each.learnPsk(external, utf8('secret'))
    const { commit } = await alice.commit({ proposals: [{ type: 'psk', psk: external }] })
    const message = messageIn(commit, 'mls_private_message')
    await expect(processPeerMessage(message, bob.state, bob.pskIndex, acceptAll, bob.impl)).rejects.toThrow(/pskId/)
    expect(await bob.receive(commit)).toEqual({ kind: 'commit' })
  })
})

describe('external_pub', () => {
  test('is written as a bare key, without the struct around it (§12.4.3.2)', async () => {
    const { bob } = await pair()
    const groupInfo = await createGroupInfoWithExternalPub(bob.state, [], bob.impl)
    const bytes = encodeMlsMessage({ version: 'mls10', wireformat: 'mls_group_info', groupInfo })
    const bare = groupInfo.extensions.find((each) => each.extensionType === 'external_pub')?.extensionData
    expect(bare).toHaveLength(32)
    const charlie = await ours('charlie')
    const ratchetTree = (await bob.view()).ratchetTree
    await expect(charlie.joinExternally({ groupInfo: bytes, ratchetTree })).rejects.toThrow(MlsError)
  })

  test('is read as a bare key', async () => {
    const { alice } = await pair()
    const impl = await suiteOf(1)
    const { groupInfo } = messageIn(await alice.groupInfo({ tree: 'included' }), 'mls_group_info')
    const { publicPackage, privatePackage } = await generateKeyPackage(
      CREDENTIAL,
      defaultCapabilities(),
      defaultLifetime,
      [],
      impl,
    )
    await expect(joinGroupExternal(groupInfo, publicPackage, privatePackage, false, impl)).rejects.toThrow()
  })
})

describe('key packages', () => {
  /** What we say to a key package that the peer makes when left alone. */
  async function verdict(cipherSuite: number, life: Lifetime): Promise<string> {
    const impl = await suiteOf(cipherSuite)
    const { publicPackage: keyPackage } = await generateKeyPackage(CREDENTIAL, defaultCapabilities(), life, [], impl)
    return judge(cipherSuite, keyPackage)
  }

  async function judge(cipherSuite: number, keyPackage: KeyPackage): Promise<string> {
    const bytes = encodeMlsMessage({ version: 'mls10', wireformat: 'mls_key_package', keyPackage })
    const { suite, services } = await OurMember.of('alice', { cipherSuite })
    return refusal(validateKeyPackage(suite, keyPackageIn(bytes), services))
  }

  test('live for ever unless the caller says otherwise, which no application may accept (§7.2)', async () => {
    expect(await verdict(1, lifetime())).toBe('accepted')
    expect(await verdict(1, defaultLifetime)).toBe('lifetime_too_long')
  })

  test.for([2, 5, 7])('of suite %i have a compressed signature key (§5.1.2)', async (cipherSuite) => {
    const impl = await suiteOf(cipherSuite)
    const { publicPackage } = await generateKeyPackage(CREDENTIAL, defaultCapabilities(), lifetime(), [], impl)
    // SEC 1: 2 and 3 begin a compressed point, 4 an uncompressed one
    expect([2, 3]).toContain(publicPackage.leafNode.signaturePublicKey[0])
    expect(await judge(cipherSuite, publicPackage)).toBe('bad_leaf_signature')
  })

  test('are read with lengths that are longer than need be (§2.1.2)', async () => {
    const bytes = await (await ours('alice')).keyPackage()
    // after version, wire format, version and suite: the length of init_key, now in two bytes
    expect(bytes[8]).toBe(32)
    const longer = concatBytes(bytes.subarray(0, 8), new Uint8Array([0x40, 32]), bytes.subarray(9))
    expect(decodePeerMessage(longer, 0)?.[1]).toBe(longer.length)
    expect(() => decodeMlsMessage(longer)).toThrow(expect.objectContaining({ code: 'non_minimal_length' }))
  })
})

describe('private keys', () => {
  test('of a node that is blank stay with the member, who must delete them (§7.5)', async () => {
    const { group, alice, bob } = await pair()
    const [charlie, dave] = [await ours('charlie'), await ours('dave')]
    await group.add(alice, [charlie, dave])
    await group.commit(bob)
    await group.commit(dave, { proposals: [removal(alice)] })
    expect(bob.state.ratchetTree[1]).toBeUndefined()
    expect(bob.state.privatePath.privateKeys[1]).toBeDefined()
  })

  test('that a Welcome leads to are not compared with the tree (§12.4.3.1)', async () => {
    const { alice, impl } = { ...(await pair()), impl: await suiteOf(1) }
    const erin = await generateKeyPackage(CREDENTIAL, defaultCapabilities(), lifetime(), [], impl)
    const { publicPackage, privatePackage } = erin
    const keyPackage = encodeMlsMessage({
      version: 'mls10',
      wireformat: 'mls_key_package',
      keyPackage: publicPackage,
    })
    const made = await alice.commit({ proposals: [{ type: 'add', keyPackage }] })
    const { welcome } = messageIn(made.welcome as Uint8Array, 'mls_welcome')
    const [entry] = welcome.secrets as [(typeof welcome.secrets)[number]]
    const privateKey = await impl.hpke.importPrivateKey(privatePackage.initPrivateKey)
    const secrets = await decryptGroupSecrets(privateKey, entry.newMember, welcome, impl.hpke)
    if (secrets?.pathSecret === undefined) throw new Error('no path secret')
    const wrong = { ...secrets, pathSecret: new Uint8Array(32).fill(7) }
    const publicKey = await impl.hpke.importPublicKey(publicPackage.initKey)
    const { enc, ct } = await encryptGroupSecrets(publicKey, welcome.encryptedGroupInfo, wrong, impl.hpke)
    const encryptedGroupSecrets = { kemOutput: enc, ciphertext: ct }
    const altered = { ...welcome, secrets: [{ ...entry, encryptedGroupSecrets }] }
    const state = await joinGroup(altered, publicPackage, privatePackage, emptyPskIndex, impl)
    // our own joiner refuses such a Welcome with `path_key_mismatch`
    expect(state.groupContext.epoch).toBe(2n)
  })
})

test('a commit that lost has used up no key: the next one is encrypted with the same (§6.3.1)', async () => {
  const { group, alice, bob } = await pair()
  const charlie = await ours('charlie')
  await group.add(alice, [charlie])
  const both = async (member: InteropMember) => {
    const lost = await member.commit({})
    lost.drop()
    return [decodeMlsMessage(lost.commit), decodeMlsMessage((await member.commit({})).commit)] as const
  }
  const read = async ([lost, won]: Awaited<ReturnType<typeof both>>) => {
    const first = await processMessage(charlie.state, lost, charlie.services)
    if (first.kind !== 'commit') throw new Error(first.kind)
    return refusal(processMessage(first.parent, won, charlie.services))
  }
  expect(await read(await both(alice))).toBe('accepted')
  expect(await read(await both(bob))).toBe('generation_used')
})
