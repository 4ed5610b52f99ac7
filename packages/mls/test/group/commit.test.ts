import { utf8, wipe } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import {
  type Commit,
  createCommit,
  decodeMlsMessage,
  epochAuthenticator,
  type GroupState,
  type MlsMessage,
  mlsMessageBytes,
  padToMultiple,
  protectApplication,
  sendUpdate,
  type WireFormat,
  wipeGroupState,
} from '../../src/index.ts'
import { commitIn, forge, forgeCommit, publicMessageOf, reforge, resignLeaf } from './forge.ts'
import {
  codeOf,
  follow,
  groupOf,
  hear,
  join,
  keyPackageOf,
  newSigner,
  type Person,
  person,
  receive,
  receiveCommit,
  trio,
} from './people.ts'

const PUBLIC = { wireFormat: 'mls_public_message' } as const

function agree(...states: readonly GroupState[]): void {
  const [first, ...others] = states.map((state) => epochAuthenticator(state))
  for (const other of others) expect(other).toEqual(first)
}

describe('everybody arrives at the same epoch', () => {
  for (const wireFormat of ['mls_public_message', 'mls_private_message'] as const satisfies readonly WireFormat[]) {
    test(`after bob updates his keys and charlie commits an Update of alice (${wireFormat})`, async () => {
      const { alice, bob, charlie, a, b, c } = await trio()
      const empty = await createCommit(b, { signer: bob.signer, wireFormat }, bob.services)
      const [a1, b1, c1] = [await follow(alice, a, empty.message), empty.child, await follow(charlie, c, empty.message)]
      agree(a1, b1, c1)
      const update = await sendUpdate(a1, { signer: alice.signer, wireFormat }, alice.services)
      const [b2, c2] = [await hear(bob, b1, update.message), await hear(charlie, c1, update.message)]
      const options = { signer: charlie.signer, wireFormat, references: 'all' } as const
      const committed = await createCommit(c2, options, charlie.services)
      expect(committed.changes.updated.map(({ leafIndex }) => leafIndex)).toEqual([0])
      agree(
        await follow(alice, update.state, committed.message),
        await follow(bob, b2, committed.message),
        committed.child,
      )
    })
  }

  test('through the wire encoding, with authenticated data that receivers see', async () => {
    const { alice, bob, a, b } = await trio()
    const authenticatedData = utf8('which heads this resolves')
    const created = await createCommit(
      a,
      { signer: alice.signer, authenticatedData, padding: padToMultiple(256) },
      alice.services,
    )
    const received = await receiveCommit(bob, b, decodeMlsMessage(mlsMessageBytes(created.message)))
    expect(received).toMatchObject({ authenticatedData, committer: 0, sender: { senderType: 'member', leafIndex: 0 } })
    agree(created.child, received.child as GroupState)
  })

  test('after a commit that has no path', async () => {
    const { alice, bob, charlie, a, b, c } = await trio()
    const doras = await keyPackageOf(await person('dora'))
    const proposals = [{ proposalType: 'add', keyPackage: doras.keyPackage } as const]
    const created = await createCommit(a, { signer: alice.signer, proposals, path: 'when_required' }, alice.services)
    expect(created.commit.path).toBeUndefined()
    const d = await join(await person('dora'), created.welcome, doras)
    agree(await follow(bob, b, created.message), await follow(charlie, c, created.message), created.child, d)
    // keys are copied, so that the two epochs can be wiped separately
    for (const key of created.child.keys.values()) expect([...a.keys.values()]).not.toContain(key)
  })
})

test('staging a commit says who was added, removed and updated, and changes nothing', async () => {
  const { alice, bob, a, b } = await trio()
  const dora = await person('dora')
  const doras = await keyPackageOf(dora)
  const proposals = [
    { proposalType: 'add', keyPackage: doras.keyPackage } as const,
    { proposalType: 'remove', removed: 2 } as const,
  ]
  const created = await createCommit(a, { signer: alice.signer, proposals }, alice.services)
  const staged = await receiveCommit(bob, b, created.message)
  expect(staged.changes.added).toMatchObject([{ leafIndex: 2, keyPackageRef: doras.reference }])
  expect(staged.changes.removed).toMatchObject([{ leafIndex: 2, leafNode: b.tree.leaf(2), cause: 'remove' }])
  expect(staged.changes.committerLeaf).toMatchObject({ leafIndex: 0, previous: b.tree.leaf(0) })
  expect(staged.changes.committerLeaf?.leafNode).toEqual(staged.child?.tree.leaf(0))
  // the same state processes the same commit again, to the same end
  const again = await receiveCommit(bob, b, created.message)
  expect(again.child?.epochId).toEqual(staged.child?.epochId)
  expect(again.child?.secrets).toEqual(staged.child?.secrets)
})

test('who is removed learns so, and cannot read what comes after', async () => {
  const { alice, bob, charlie, a, b, c } = await trio()
  const proposals = [{ proposalType: 'remove', removed: 2 } as const]
  const created = await createCommit(a, { signer: alice.signer, proposals }, alice.services)
  const told = await receiveCommit(charlie, c, created.message)
  expect(told.child).toBeUndefined()
  expect(told.changes.removed).toMatchObject([{ leafIndex: 2 }])
  const b1 = await follow(bob, b, created.message)
  const secret = await protectApplication(b1, utf8('charlie is gone'), { signer: bob.signer }, bob.services)
  expect(await codeOf(receive(charlie, c, secret.message))).toBe('future_epoch')
  // the commit is not readable as an ordinary one either: no ciphertext is for charlie
  expect(b1.keys.size).toBeGreaterThan(0)
  expect(b1.tree.leaf(2)).toBeUndefined()
})

/** How two members commit beside each other: with a path, or an addition that needs none. */
const RIVALS = (['path', 'no path'] as const).flatMap((one) => (['path', 'no path'] as const).map((two) => [one, two]))

async function commitOf(by: Person, state: GroupState, kind: 'path' | 'no path' | undefined) {
  if (kind === 'path') return createCommit(state, { signer: by.signer }, by.services)
  const { keyPackage } = await keyPackageOf(await person('dora'))
  const proposals = [{ proposalType: 'add', keyPackage }] as const
  return createCommit(state, { signer: by.signer, proposals, path: 'when_required' }, by.services)
}

describe('the old state still processes a rival commit after the secrets of the new one are wiped', () => {
  test.for(RIVALS)('%s, then %s', async ([one, two]) => {
    const { alice, bob, charlie, a, b, c } = await trio()
    const first = await commitOf(alice, a, one)
    const rival = await commitOf(charlie, c, two)
    expect([first, rival].map(({ commit }) => (commit.path === undefined ? 'no path' : 'path'))).toEqual([one, two])
    const taken = await receiveCommit(bob, b, first.message)
    if (taken.child === undefined) throw new Error('bob is in the group')
    wipeGroupState(taken.child)
    wipe(...taken.superseded)
    const other = await follow(bob, taken.parent, rival.message)
    agree(other, rival.child)
    // alice, whose own commit lost, does the same
    wipeGroupState(first.child)
    wipe(...first.superseded)
    agree(await follow(alice, first.parent, rival.message), rival.child)
  })
})

test('the new state works after the old one is wiped', async () => {
  const { alice, bob, a, b } = await trio()
  const created = await createCommit(a, { signer: alice.signer }, alice.services)
  const taken = await receiveCommit(bob, b, created.message)
  wipeGroupState(taken.parent)
  wipeGroupState(b)
  wipeGroupState(created.parent)
  const child = taken.child as GroupState
  const sent = await protectApplication(child, utf8('still here'), { signer: bob.signer }, bob.services)
  const read = await receive(alice, created.child, sent.message)
  expect(read).toMatchObject({ kind: 'application', applicationData: utf8('still here') })
  const next = await createCommit(child, { signer: bob.signer }, bob.services)
  agree(await follow(alice, created.child, next.message), next.child)
})

describe("the echo of one's own commit", () => {
  for (const wireFormat of ['mls_public_message', 'mls_private_message'] as const) {
    test(`is recognised (${wireFormat})`, async () => {
      const { alice, a } = await trio()
      const created = await createCommit(a, { signer: alice.signer, wireFormat }, alice.services)
      expect(await receive(alice, created.parent, created.message)).toMatchObject({
        kind: 'own',
        contentType: 'commit',
        remembered: true,
      })
      // the copy of the state from before the commit can only say that it is authentic
      expect(await receive(alice, a, created.message)).toMatchObject({ kind: 'own', remembered: false })
    })
  }

  test('is no door for others: who claims to be us is refused', async () => {
    const { alice, bob, a, b } = await trio()
    const forged = await forgeCommit(b, [], { signer: bob.signer, sender: { senderType: 'member', leafIndex: 0 } })
    expect(await codeOf(receive(alice, a, forged))).toBe('bad_signature')
    const hidden = await forgeCommit(b, [], {
      signer: bob.signer,
      sender: { senderType: 'member', leafIndex: 0 },
      wireFormat: 'mls_private_message',
    })
    expect(await codeOf(receive(alice, a, hidden))).toBe('bad_signature')
  })

  test('other messages of ours are recognised too', async () => {
    const { alice, a } = await trio()
    const sent = await protectApplication(a, utf8('hi'), { signer: alice.signer }, alice.services)
    expect(await receive(alice, sent.state, sent.message)).toMatchObject({ kind: 'own', contentType: 'application' })
    const update = await sendUpdate(a, { signer: alice.signer, ...PUBLIC }, alice.services)
    expect(await receive(alice, update.state, update.message)).toMatchObject({ kind: 'own', remembered: true })
  })
})

test('a new signature key and an addition in one commit: the newcomer can verify', async () => {
  const { alice, bob, a, b } = await trio()
  const dora = await person('dora')
  const doras = await keyPackageOf(dora)
  const signer = await newSigner(alice)
  const proposals = [{ proposalType: 'add', keyPackage: doras.keyPackage } as const]
  const created = await createCommit(a, { signer: alice.signer, proposals, leaf: { signer } }, alice.services)
  const d = await join(dora, created.welcome, doras)
  agree(d, await follow(bob, b, created.message), created.child)
  expect(d.tree.leaf(0)?.signatureKey).toEqual(signer.publicKey)
  // from now on the new key signs, and the old one does not
  const next = { ...alice, signer }
  agree(await follow(dora, d, (await createCommit(created.child, { signer }, next.services)).message))
  const stale = createCommit(created.child, { signer: alice.signer }, alice.services)
  expect(await codeOf(stale)).toBe('wrong_signer')
})

test('a committer does not take the signature key of somebody else', async () => {
  const { alice, bob, a } = await trio()
  const options = { signer: alice.signer, leaf: { signer: bob.signer } }
  expect(await codeOf(createCommit(a, options, alice.services))).toBe('duplicate_signature_key')
})

test('a committer whose leaf says something that it does not list is refused by itself', async () => {
  const { alice, a } = await trio()
  const extensions = [{ extensionType: 0xf0f0, extensionData: new Uint8Array(0) }]
  const created = createCommit(a, { signer: alice.signer, leaf: { extensions } }, alice.services)
  expect(await codeOf(created)).toBe('extension_not_listed')
})

test('a committer does not take a credential that the others do not know, nor the key of another', async () => {
  const { alice, bob, a } = await trio()
  const credential = { credentialType: 'other', type: 0xf001, content: utf8('alice') } as const
  const capabilities = { versions: [1], cipherSuites: [1], extensions: [], proposals: [], credentials: [1, 0xf001] }
  const strange = createCommit(a, { signer: alice.signer, leaf: { credential, capabilities } }, alice.services)
  expect(await codeOf(strange)).toBe('credential_not_supported')
  const taken = createCommit(a, { signer: alice.signer, leaf: { signer: bob.signer } }, alice.services)
  expect(await codeOf(taken)).toBe('duplicate_signature_key')
})

test('keys of nodes that a commit blanks are forgotten', async () => {
  const group = await trio()
  const { alice, bob, charlie } = group
  const dora = await person('dora')
  const doras = await keyPackageOf(dora)
  const proposals = [{ proposalType: 'add', keyPackage: doras.keyPackage } as const]
  const added = await createCommit(group.a, { signer: alice.signer, proposals }, alice.services)
  const b = await follow(bob, group.b, added.message)
  const c = await follow(charlie, group.c, added.message)
  // bob's path gives charlie the root's key, charlie's own path that of node 5
  const byCharlie = await createCommit(c, { signer: charlie.signer }, charlie.services)
  expect([...byCharlie.child.keys.keys()].sort((a, b) => a - b)).toEqual([3, 4, 5])
  const b1 = await follow(bob, b, byCharlie.message)
  const a1 = await follow(alice, added.child, byCharlie.message)
  // dora is removed: nodes 5 and 3 lose their keys, and the path gives the root a new one
  const removal = [{ proposalType: 'remove', removed: 3 } as const]
  const removed = await createCommit(a1, { signer: alice.signer, proposals: removal }, alice.services)
  const c2 = await follow(charlie, byCharlie.child, removed.message)
  expect(c2.tree.parent(5)).toBeUndefined()
  expect([...c2.keys.keys()].sort((a, b) => a - b)).toEqual([3, 4])
  expect(c2.keys.get(3)).not.toEqual(byCharlie.child.keys.get(3))
  agree(c2, removed.child, await follow(bob, b1, removed.message))
})

describe('a receiver refuses a commit', () => {
  test('whose confirmation tag does not match', async () => {
    const { alice, bob, a, b } = await trio()
    const { message } = await createCommit(a, { signer: alice.signer, ...PUBLIC }, alice.services)
    const forged = await reforge(a, message, alice.signer, (commit) => commit)
    const { content } = publicMessageOf(forged)
    const body = content.content
    const wrong = await forge(a, body, { signer: alice.signer, confirmationTag: new Uint8Array(32) })
    expect(await codeOf(receive(bob, b, wrong))).toBe('bad_confirmation_tag')
  })

  test('whose signature or membership tag does not match', async () => {
    const { alice, bob, charlie, a, b } = await trio()
    const forged = await forgeCommit(a, [], { signer: charlie.signer })
    expect(await codeOf(receive(bob, b, forged))).toBe('bad_signature')
    const { message } = await createCommit(a, { signer: alice.signer, ...PUBLIC }, alice.services)
    const publicMessage = { ...publicMessageOf(message), membershipTag: new Uint8Array(32) }
    expect(await codeOf(receive(bob, b, { ...PUBLIC, publicMessage }))).toBe('bad_membership_tag')
  })

  test('of another group or another epoch', async () => {
    const { alice, bob, a, b } = await trio()
    const { message, child } = await createCommit(a, { signer: alice.signer }, alice.services)
    const b1 = await follow(bob, b, message)
    expect(await codeOf(receive(bob, b1, message))).toBe('past_epoch')
    const later = await createCommit(child, { signer: alice.signer }, alice.services)
    expect(await codeOf(receive(bob, b, later.message))).toBe('future_epoch')
    const elsewhere = await groupOf(alice, { groupId: utf8('another group') })
    const there = await createCommit(elsewhere, { signer: alice.signer }, alice.services)
    expect(await codeOf(receive(bob, b, there.message))).toBe('wrong_group')
  })

  test('of a blank leaf', async () => {
    const { alice, bob, a, b } = await trio()
    const sender = { senderType: 'member', leafIndex: 3 } as const
    expect(await codeOf(receive(bob, b, await forgeCommit(a, [], { signer: alice.signer, sender })))).toBe(
      'blank_sender',
    )
  })

  async function withLeaf(change: (commit: Commit, a: GroupState) => Promise<Commit>): Promise<string> {
    const { alice, bob, a, b } = await trio()
    const { message } = await createCommit(a, { signer: alice.signer, ...PUBLIC }, alice.services)
    const commit = await change(commitIn(message), a)
    return codeOf(receive(bob, b, await reforge(a, message, alice.signer, () => commit)))
  }

  test('whose new leaf is no commit leaf, or signed badly, or signed for another place', async () => {
    const source = { leafNodeSource: 'update' } as const
    const alice = await person('mallory')
    const at = (a: GroupState, leafIndex: number) => ({ groupId: a.context.groupId, leafIndex })
    const badSource = withLeaf(async (commit, a) => {
      const path = commit.path as NonNullable<Commit['path']>
      const leaf = { ...path.leafNode, source, signatureKey: alice.signer.publicKey }
      return { ...commit, path: { ...path, leafNode: await resignLeaf(leaf, alice.signer, at(a, 0)) } }
    })
    expect(await badSource).toBe('bad_leaf_node_source')
    const badSignature = withLeaf(async (commit) => {
      const path = commit.path as NonNullable<Commit['path']>
      return { ...commit, path: { ...path, leafNode: { ...path.leafNode, signature: new Uint8Array(64) } } }
    })
    expect(await badSignature).toBe('bad_leaf_signature')
    const elsewhere = withLeaf(async (commit, a) => {
      const path = commit.path as NonNullable<Commit['path']>
      const leaf = { ...path.leafNode, signatureKey: alice.signer.publicKey }
      return { ...commit, path: { ...path, leafNode: await resignLeaf(leaf, alice.signer, at(a, 1)) } }
    })
    expect(await elsewhere).toBe('bad_leaf_signature')
  })

  test('whose path keeps the old encryption key, or takes one of the tree', async () => {
    const mallory = await person('mallory')
    const taking = (from: number) =>
      withLeaf(async (commit, a) => {
        const path = commit.path as NonNullable<Commit['path']>
        const encryptionKey = a.tree.leaf(from)?.encryptionKey ?? new Uint8Array(0)
        const leaf = { ...path.leafNode, encryptionKey, signatureKey: mallory.signer.publicKey }
        const position = { groupId: a.context.groupId, leafIndex: 0 }
        return { ...commit, path: { ...path, leafNode: await resignLeaf(leaf, mallory.signer, position) } }
      })
    expect(await taking(0)).toBe('same_encryption_key')
    expect(await taking(1)).toBe('duplicate_encryption_key')
  })

  test('whose new leaf has the signature key of somebody else', async () => {
    const { alice, bob, charlie, a, b } = await trio()
    const { message } = await createCommit(a, { signer: alice.signer, ...PUBLIC }, alice.services)
    const path = commitIn(message).path as NonNullable<Commit['path']>
    const leaf = { ...path.leafNode, signatureKey: charlie.signer.publicKey }
    const leafNode = await resignLeaf(leaf, charlie.signer, { groupId: a.context.groupId, leafIndex: 0 })
    const forged = await reforge(a, message, alice.signer, (commit) => ({ ...commit, path: { ...path, leafNode } }))
    expect(await codeOf(receive(bob, b, forged))).toBe('duplicate_signature_key')
  })

  test('whose path has the wrong number of nodes or ciphertexts, or ciphertexts for nobody', async () => {
    const change = (how: (path: NonNullable<Commit['path']>) => NonNullable<Commit['path']>) =>
      withLeaf(async (commit) => ({ ...commit, path: how(commit.path as NonNullable<Commit['path']>) }))
    expect(await change((path) => ({ ...path, nodes: path.nodes.slice(1) }))).toBe('path_length')
    const emptied = await change((path) => ({
      ...path,
      nodes: path.nodes.map((node) => ({ ...node, encryptedPathSecret: [] })),
    }))
    expect(emptied).toBe('ciphertext_count')
    const garbled = await change((path) => ({
      ...path,
      nodes: path.nodes.map((node) => ({
        ...node,
        encryptedPathSecret: node.encryptedPathSecret.map((each) => ({ ...each, ciphertext: new Uint8Array(48) })),
      })),
    }))
    expect(garbled).toBe('path_secret_undecryptable')
  })

  test('with a new credential that the Authentication Service does not accept as a successor', async () => {
    const { alice, bob, a, b } = await trio()
    const credential = { credentialType: 'basic', identity: utf8('the queen') } as const
    const { message } = await createCommit(a, { signer: alice.signer, leaf: { credential } }, alice.services)
    const asked: unknown[] = []
    const services = {
      ...bob.services,
      authenticate: async (claim: unknown) => {
        asked.push(claim)
        throw new Error('alice is not the queen')
      },
    }
    expect(await codeOf(receive({ ...bob, services }, b, message))).toBe('refused_by_application')
    expect(asked).toMatchObject([
      { occasion: 'commit', credential, previous: { credential: a.tree.leaf(0)?.credential } },
    ])
    // an unchanged credential is not asked about again
    asked.length = 0
    const plain = await createCommit(a, { signer: alice.signer }, alice.services)
    await follow({ ...bob, services }, b, plain.message)
    expect(asked).toEqual([])
  })
})

test('a step that fails leaves the state as it was', async () => {
  const { alice, bob, charlie, a, b } = await trio()
  const sent: MlsMessage[] = []
  let state = a
  for (const text of ['one', 'two']) {
    const next = await protectApplication(state, utf8(text), { signer: alice.signer }, alice.services)
    sent.push(next.message)
    state = next.state
  }
  const forged = await forge(
    a,
    { contentType: 'application', applicationData: utf8('one?') },
    {
      signer: charlie.signer,
      wireFormat: 'mls_private_message',
    },
  )
  expect(await codeOf(receive(bob, b, forged))).toBe('bad_signature')
  for (const message of sent) expect((await receive(bob, b, message)).kind).toBe('application')
})

test('application messages arrive in any order, each once', async () => {
  const { alice, bob, a, b } = await trio()
  const messages: MlsMessage[] = []
  let state = a
  for (let i = 0; i < 5; i++) {
    const next = await protectApplication(state, utf8(`${i}`), { signer: alice.signer }, alice.services)
    messages.push(next.message)
    wipe(...next.superseded)
    state = next.state
  }
  let reader = b
  for (const i of [3, 0, 4, 2, 1]) {
    const message = messages[i] as MlsMessage
    const read = await receive(bob, reader, message)
    if (read.kind !== 'application') throw new Error('not read')
    expect(read).toMatchObject({ sender: 0, generation: i, applicationData: utf8(`${i}`) })
    reader = read.state
    wipe(...read.superseded)
    expect(await codeOf(receive(bob, reader, message))).toBe('generation_used')
  }
})
