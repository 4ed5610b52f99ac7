/** Coming back (protocol §8), on the steps: scenarios 6, 16, 24 and 25. With clients: `absence.test.ts`. */
import {
  DMLS_DESCENT_EXTENSION,
  DMLS_REJOIN_EXTENSION,
  DMLS_ROSTER_EXTENSION,
  type DmlsEpoch,
  dmlsEpoch,
  encodeApplicationContent,
  encodeAuthenticatedData,
  encodeDescents,
  encodeRejoinRequest,
  encodeRosterExtension,
  heldEpoch,
  instanceId,
  mlsServices,
  ownSignatureKey,
  type RejoinReason,
  type RetentionPolicy,
  rejoinRequestOf,
} from '@dmls/dmls'
import { createCommit, type KeyPackage, mlsMessageBytes, protectPrivate, referenceOf, signContent } from '@dmls/mls'
import { describe, expect, test } from 'vitest'
import { Actor, fingerprint, suite } from './actor.ts'
import { flipped, wrap } from './forge.ts'
import { actors, agreedHead, commitTo, groupOf, welcomeOf } from './story.ts'

const MINUTE = 60_000
/** Epochs are forgotten a minute after they were left. */
const SHORT: RetentionPolicy = {
  retained: { kind: 'age', ageMs: MINUTE },
  readable: { kind: 'age', ageMs: MINUTE },
  epochsMax: 64,
  sizeMaxBytes: 1 << 24,
}

type Three = [Actor, Actor, Actor]
type Four = [Actor, Actor, Actor, Actor]

/** Everybody's clock goes on, and everybody deletes what is due. */
function pass(people: readonly Actor[], ms: number): void {
  for (const person of people) person.nowMs += ms
  for (const person of people) person.retire()
}

/** dora was away for so long that nobody holds an epoch from which she could follow. */
async function doraWasAway(admin?: 'named') {
  const people = (await actors(['alice', 'bob', 'carol', 'dora'])) as Four
  const [alice, bob, carol, dora] = people
  const identities = [Buffer.from(alice.identity.publicKey).toString('hex')]
  await groupOf(people, {
    retention: SHORT,
    ...(admin === undefined ? {} : { admin: { kind: 'named', instances: [], identities, invitations: 'named' } }),
  })
  const here = [alice, bob, carol]
  for (const by of here) {
    await commitTo(by, {}, here)
    pass(here, 2 * MINUTE)
  }
  return { people, here, alice, bob, carol, dora }
}

describe('a member that was away too long', () => {
  test('scenario 24: does not keep the others from deleting, and is brought back as a new instance', async () => {
    const { people, here, alice, bob, carol, dora } = await doraWasAway()
    // her silence blocks nothing: one epoch is left
    for (const person of here) expect([...person.state.epochs.keys()]).toEqual([person.head])
    const before = dora.self
    const request = await dora.askBack()
    for (const person of here) expect(await person.hearRequest(request)).toBe('noted')
    const made = await bob.bringBack()
    await alice.receive(made.wire)
    await carol.receive(made.wire)
    expect(await dora.welcome(welcomeOf(made))).toBe('joined')
    expect(agreedHead(people)).toBe(made.epoch)
    expect(dora.self).not.toBe(before)
    expect(alice.membersAmong(people)).toEqual(['alice', 'bob', 'carol', 'dora'])
    expect(alice.state.dag.get(made.epoch)?.adds[0]?.continues).toBe(before)
    const text = await dora.say('back')
    expect(await carol.receive(text)).toEqual(['application'])
  })

  test('scenario 24: forgets the epoch in which it had stayed, when its time has come', async () => {
    const { here, bob, dora } = await doraWasAway()
    const stayed = dora.head
    const request = await dora.askBack()
    for (const person of here) await person.hearRequest(request)
    await dora.welcome(welcomeOf(await bob.bringBack()))
    pass([dora], 0)
    expect([...dora.state.epochs.keys()]).toEqual([stayed, dora.head])
    // nobody resolves the head that she left, and no child of it comes
    pass([dora], 2 * MINUTE)
    expect([...dora.state.epochs.keys()]).toEqual([dora.head])
  })

  test('scenario 24: is brought back by any member, whatever rights that has, and by two at once', async () => {
    const { people, alice, bob, carol, dora } = await doraWasAway('named')
    const request = await dora.askBack()
    for (const person of [bob, carol]) await person.hearRequest(request)
    const first = await bob.bringBack()
    const second = await carol.bringBack()
    for (const person of [alice, bob, carol]) await person.receive(first.wire, second.wire)
    const merge = await alice.commit()
    expect(alice.membersAmong(people)).toEqual(['alice', 'bob', 'carol', 'dora'])
    await bob.receive(merge.wire)
    expect(bob.head).toBe(merge.epoch)
    // whichever Welcome she takes, she gets to the others
    await dora.welcome(welcomeOf(first))
    await dora.receive(first.wire, second.wire, merge.wire, ...merge.handovers)
    if (merge.welcome !== undefined) await dora.welcome(welcomeOf(merge))
    await dora.welcome(welcomeOf(second))
    expect(dora.head).toBe(merge.epoch)
  })

  test('scenario 24: a request is honoured for the member itself only, and only when it needs it', async () => {
    const { alice, bob, carol, dora } = await doraWasAway()
    const mallory = await Actor.create('mallory')
    // somebody else cannot take her place
    mallory.take({ state: dora.state, changes: {} as never, superseded: [] })
    const stolen = await mallory.askBack()
    expect(await alice.hearRequest(stolen)).toBe('refused: rejoin_of_stranger')
    // who can follow is told to follow
    const impatient = await carol.askBack()
    expect(await alice.hearRequest(impatient)).toBe('refused: rejoin_needless')
    expect(await bob.hearRequest(await dora.keyPackage())).toBe('refused: not_a_rejoin')
  })

  test('scenario 24: is brought back when it deleted the fork point, although the others retain it', async () => {
    const people = (await actors(['alice', 'bob', 'carol'])) as Three
    const [alice, bob, carol] = people
    await groupOf(people, { retention: SHORT })
    const first = await alice.commit()
    await carol.receive(first.wire)
    const second = await carol.commit()
    await alice.receive(second.wire)
    const aside = await bob.commit()
    pass([bob], 2 * MINUTE)

    await alice.receive(aside.wire)
    await carol.receive(aside.wire)
    const merge = await alice.commit()
    await carol.receive(merge.wire)
    expect(await bob.receive(first.wire)).toEqual(['refused: beyond_horizon'])
    expect(alice.state.epochs.get(aside.parent)?.stage).toBe('open')
    expect(await alice.hearRequest(await bob.askBack())).toBe('noted')
    const made = await alice.bringBack()
    await carol.receive(made.wire)
    expect(await bob.welcome(welcomeOf(made))).toBe('joined')
    expect(agreedHead(people)).toBe(made.epoch)
  })

  test('scenario 24: needs nobody when it deleted the fork point of a branch that was merged since', async () => {
    const people = (await actors(['alice', 'bob', 'carol'])) as Three
    const [alice, bob, carol] = people
    await groupOf(people, { retention: SHORT })
    const first = await alice.commit()
    await bob.receive(first.wire)
    const second = await bob.commit()
    const aside = await carol.commit()
    await alice.receive(second.wire, aside.wire)
    await carol.receive(first.wire, second.wire)
    const merge = await alice.commit()
    expect(merge.parent).toBe(second.epoch)
    await carol.receive(merge.wire)

    pass([bob], 2 * MINUTE)
    const request = await bob.askBack()
    expect(await alice.hearRequest(request)).toBe('refused: rejoin_needless')
    // he cannot judge the other branch any more, and takes the merge as it is
    expect(await bob.receive(aside.wire, merge.wire)).toEqual(['refused: beyond_horizon', 'commit'])
    expect(agreedHead(people)).toBe(merge.epoch)
  })

  test('scenario 24: is brought back when it deleted an epoch of a branch that went on and was merged', async () => {
    const people = (await actors(['alice', 'bob', 'carol'])) as Three
    const [alice, bob, carol] = people
    await groupOf(people)
    const first = await alice.commit()
    await bob.receive(first.wire)
    const second = await bob.commit()
    await alice.receive(second.wire)
    const aside = await carol.commit()
    const further = await carol.commit()
    await alice.receive(aside.wire)
    const merge = await alice.commit()
    await alice.receive(further.wire)
    const last = await alice.commit()
    expect([merge.parent, last.parent]).toEqual([second.epoch, merge.epoch])

    const request = (open: readonly DmlsEpoch[]): Promise<KeyPackage> => {
      const { groupId } = alice.state
      const epochs = [merge.epoch, second.epoch, first.epoch, first.parent]
      const asked = { groupId, instance: bob.self, reason: 'out_of_reach' as const, epochs, open, invited: [] }
      return bob.keyPackage([{ extensionType: DMLS_REJOIN_EXTENSION, extensionData: encodeRejoinRequest(asked) }])
    }
    const line = [merge.epoch, second.epoch, first.epoch, first.parent]
    expect(await alice.hearRequest(await request([...line, aside.epoch]))).toBe('refused: rejoin_needless')
    expect(await alice.hearRequest(await request(line))).toBe('noted')
  })

  test('scenario 24: a request that is not to be honoured, or no good, changes nothing', async () => {
    const { alice, dora } = await doraWasAway()
    const request = (epochs: readonly DmlsEpoch[], groupId: Uint8Array = dora.state.groupId): Promise<KeyPackage> => {
      const asked = { groupId, instance: dora.self, reason: 'out_of_reach' as const, epochs, open: [], invited: [] }
      return dora.keyPackage([{ extensionType: DMLS_REJOIN_EXTENSION, extensionData: encodeRejoinRequest(asked) }])
    }
    const good = await request([dora.head])
    const garbage = { extensionType: DMLS_REJOIN_EXTENSION, extensionData: new Uint8Array([1, 2, 3]) }
    for (const [keyPackage, outcome] of [
      [await request([dmlsEpoch(new Uint8Array(32).fill(3))]), 'refused: rejoin_unrelated'],
      [await request([]), 'refused: not_a_rejoin'],
      [await request([dora.head], new Uint8Array(32)), 'refused: not_a_rejoin'],
      [await dora.keyPackage([garbage]), 'refused: not_a_rejoin'],
      [{ ...good, signature: flipped(good.signature) }, 'refused: bad_key_package_signature'],
      [{ ...good, initKey: flipped(good.initKey) }, 'refused: bad_key_package_signature'],
    ] as const) {
      const before = fingerprint(alice.state)
      expect(await alice.hearRequest(keyPackage)).toBe(outcome)
      expect(fingerprint(alice.state)).toBe(before)
    }
    expect(await alice.hearRequest(good)).toBe('noted')
  })

  test('scenario 24: a member whom another branch removed does not slip back in by asking', async () => {
    const people = (await actors(['alice', 'bob', 'carol', 'eve'])) as Four
    const [alice, bob, carol, eve] = people
    await groupOf(people)
    const removal = await alice.commit({ remove: [eve.self] })
    // beside it, somebody is talked into exchanging eve for a new instance
    const request = await eve.askBack('state_lost')
    await bob.hearRequest(request)
    const exchange = await bob.bringBack()
    await carol.receive(exchange.wire, removal.wire)
    const merge = await carol.commit()
    expect(carol.membersAmong(people)).toEqual(['alice', 'bob', 'carol'])
    await alice.receive(exchange.wire, merge.wire)
    expect(alice.head).toBe(merge.epoch)
  })
})

describe('a Welcome back', () => {
  /** mallory answers a request with a group of his own, and says what he likes about where it comes from. */
  async function answerOf(mallory: Actor, request: KeyPackage, claim: DmlsEpoch | undefined): Promise<Uint8Array> {
    await mallory.create()
    const held = heldEpoch(mallory.state, mallory.head)
    const instance = instanceId(referenceOf(suite, request))
    const roster = [
      { leafIndex: 0, instance: mallory.self },
      { leafIndex: 1, instance },
    ]
    const extensions = [{ extensionType: DMLS_ROSTER_EXTENSION, extensionData: encodeRosterExtension(roster) }]
    if (claim !== undefined) {
      const descent = { instance, epoch: claim, branch: claim, support: 99 }
      extensions.push({ extensionType: DMLS_DESCENT_EXTENSION, extensionData: encodeDescents([descent]) })
    }
    const { welcome } = await createCommit(
      held.group,
      {
        signer: mallory.services.signerFor(ownSignatureKey(held)),
        proposals: [{ proposalType: 'add', keyPackage: request }],
        welcome: { extensions },
      },
      mlsServices(mallory.services),
    )
    if (welcome === undefined) throw new Error('nobody was added')
    return mlsMessageBytes(welcome)
  }

  async function outcomeOf(claim: (known: readonly DmlsEpoch[]) => DmlsEpoch | undefined): Promise<string> {
    const { dora } = await doraWasAway()
    const request = await dora.askBack()
    const known = rejoinRequestOf(request, dora.state.groupId)?.epochs ?? []
    const before = fingerprint(dora.state)
    const outcome = await dora.welcome(await answerOf(await Actor.create('mallory'), request, claim(known)))
    expect(fingerprint(dora.state)).toBe(before)
    return outcome
  }

  test('scenario 6: that names no epoch of ours as its origin is not followed', async () => {
    expect(await outcomeOf(() => undefined)).toBe('refused: no_descent')
  })

  test('scenario 6: that names an epoch which we do not know is not followed', async () => {
    expect(await outcomeOf(() => dmlsEpoch(new Uint8Array(32).fill(3)))).toBe('refused: no_descent')
  })

  test('scenario 6: of somebody who was no member of the epoch that it names is not followed', async () => {
    expect(await outcomeOf(([latest]) => latest)).toBe('refused: stranger_answers')
  })

  test('scenario 6: into a branch that was merged before is not followed after a removal', async () => {
    const people = (await actors(['alice', 'bob', 'carol', 'dora'])) as Four
    const [alice, bob, carol, dora] = people
    await groupOf([alice, bob, dora])
    // both sides invite carol; the merge keeps one of the two instances, the lower
    const offers = [await carol.keyPackage(), await carol.keyPackage()] as [KeyPackage, KeyPackage]
    offers.sort((a, b) => (carol.instanceOf(a) < carol.instanceOf(b) ? -1 : 1))
    const [lower, higher] = offers
    const left = await alice.commit({ add: [lower] })
    await carol.welcome(welcomeOf(left))
    await dora.receive(left.wire)
    const aside = await bob.commit({ add: [higher] })
    await alice.receive(await dora.say('on the left'), aside.wire)
    const merge = await alice.commit()
    expect([merge.parent, merge.resolved]).toEqual([left.epoch, [aside.epoch]])
    // she came after the fork, and takes the merge without the other branch
    expect(await carol.receive(merge.wire)).toEqual(['commit'])
    const removal = await alice.commit({ remove: [carol.self] })
    expect(await carol.receive(removal.wire)).toEqual(['removed'])
    expect(await carol.welcome(welcomeOf(left))).toBe('refused: already_member')
    expect(carol.state.dag.has(aside.epoch)).toBe(false)
    const before = fingerprint(carol.state)
    expect(await carol.welcome(welcomeOf(aside))).toBe('refused: already_resolved')
    expect(fingerprint(carol.state)).toBe(before)
  })

  describe('to somebody who was removed', () => {
    /** bob was removed by alice, who goes on with carol. */
    async function bobIsOut() {
      const people = (await actors(['alice', 'bob', 'carol'])) as Three
      const [alice, bob, carol] = people
      await groupOf(people)
      const removal = await alice.commit({ remove: [bob.self] })
      for (const person of [bob, carol]) await person.receive(removal.wire)
      expect(bob.state.removal).toBeDefined()
      return { alice, bob, carol }
    }

    test('scenario 6: may come from somebody who joined after it', async () => {
      const { alice, bob, carol } = await bobIsOut()
      const frank = await Actor.create('frank')
      await commitTo(alice, { add: [await frank.keyPackage()] }, [carol], [frank])
      const back = await frank.commit({ add: [await bob.keyPackage()] })
      expect(await bob.welcome(welcomeOf(back))).toBe('joined')
      for (const person of [alice, carol]) await person.receive(back.wire)
      expect(agreedHead([alice, bob, carol, frank])).toBe(back.epoch)
    })
  })
})

describe('an old state that was restored', () => {
  async function restored(reason: (alice: Actor, bob: Actor) => Promise<Uint8Array[]>) {
    const people = (await actors(['alice', 'bob', 'carol'])) as Three
    const [alice, bob, carol] = people
    await groupOf(people)
    await carol.receive(await alice.say('before the backup'))
    const backup = await alice.copy('restored')
    const later = await reason(alice, bob)
    return { people, alice: backup, lost: alice, bob, carol, later }
  }

  for (const [what, deed] of [
    ['messages', async (alice: Actor) => [await alice.say('one'), await alice.say('two')]],
    ['a commit', async (alice: Actor) => [(await alice.commit()).wire]],
  ] as const) {
    test(`scenario 16: finds out by ${what} of its own that it never sent, and sends nothing more`, async () => {
      const { alice, later } = await restored(deed)
      const outcomes = await alice.receive(...later)
      expect(outcomes[0]).toBe('lost')
      expect(alice.state.isLost).toBe(true)
      await expect(alice.say('with a used key')).rejects.toMatchObject({ code: 'state_lost' })
      await expect(alice.commit()).rejects.toMatchObject({ code: 'state_lost' })
    })
  }

  test('scenario 16: its own messages, coming back, are no evidence, nor is what another forges in its name', async () => {
    const people = (await actors(['alice', 'bob'])) as [Actor, Actor]
    const [alice, bob] = people
    await groupOf(people)
    const text = await alice.say('mine')
    const commit = await alice.commit()
    expect(await alice.receive(text, commit.wire)).toEqual(['own', 'own'])
    await bob.receive(commit.wire)
    // bob has all the keys of the epoch but alice's signature key
    const forged = await forgeTextOf(bob, 0)
    expect(await alice.receive(forged)).toEqual(['own'])
    expect(alice.state.isLost).toBe(false)
  })

  test('scenario 16: comes back as a new instance, and none of its old epochs can start anything any more', async () => {
    const { people, alice, bob, carol, later } = await restored(async (alice) => [await alice.say('one')])
    await bob.receive(...later)
    await alice.receive(...later)
    const reason: RejoinReason = 'state_lost'
    const request = await alice.askBack(reason)
    expect(await bob.hearRequest(request)).toBe('noted')
    const made = await bob.bringBack()
    await carol.receive(made.wire)
    await alice.welcome(welcomeOf(made))
    expect(agreedHead([alice, bob, carol])).toBe(made.epoch)
    expect(alice.membersAmong(people)).toEqual(['alice', 'bob', 'carol'])
    expect(alice.state.isLost).toBe(false)
    for (const [id, { stage }] of alice.state.epochs) expect(stage).toBe(id === made.epoch ? 'open' : 'readable')
    expect(await bob.receive(await alice.say('as somebody new'))).toEqual(['application'])
  })
})

describe('sides that nobody can judge', () => {
  test('scenario 25: the side with fewer members comes to the other, and nobody swaps places', async () => {
    const people = (await actors(['alice', 'bob', 'carol', 'dora', 'erin'])) as [Actor, Actor, Actor, Actor, Actor]
    const [alice, bob, carol, dora, erin] = people
    await groupOf(people, { retention: SHORT })
    const sides = [
      [alice, bob, carol],
      [dora, erin],
    ]
    for (const side of sides) {
      for (const by of side) await commitTo(by, {}, side)
      pass(side, 2 * MINUTE)
      for (const by of side) await commitTo(by, {}, side)
    }
    // now they meet: what parted them is forgotten on both sides
    const far = await dora.commit()
    expect(await alice.receive(far.wire)).toEqual(['refused: unknown_epoch'])
    const requests = new Map<Actor, KeyPackage>()
    for (const person of people) requests.set(person, await person.askBack())
    const [big, small] = sides as [Actor[], Actor[]]
    for (const [asking, request] of requests) {
      const others = big.includes(asking) ? small : big
      for (const person of others) expect(await person.hearRequest(request)).toBe('noted')
    }
    const toBig = await alice.bringBack()
    await bob.receive(toBig.wire)
    await carol.receive(toBig.wire)
    const toSmall = await erin.bringBack()
    for (const person of small) expect(await person.welcome(welcomeOf(toBig))).toBe('joined')
    for (const person of big) expect(await person.welcome(welcomeOf(toSmall))).toBe('refused: our_side_stays')
    expect(agreedHead(people)).toBe(toBig.epoch)
    expect(alice.membersAmong(people)).toEqual(['alice', 'bob', 'carol', 'dora', 'erin'])
  })
})

/** An application message that names another leaf as its sender, protected with keys that every member has. */
async function forgeTextOf(by: Actor, leafIndex: number): Promise<Uint8Array> {
  const held = heldEpoch(by.state, by.head)
  const { suite: used, context, contextBytes, secrets, secretTree } = held.group
  const content = {
    groupId: context.groupId,
    epoch: context.epoch,
    sender: { senderType: 'member' as const, leafIndex },
    authenticatedData: encodeAuthenticatedData({ counter: 1000n, resolves: [], application: new Uint8Array(0) }),
    content: {
      contentType: 'application' as const,
      applicationData: encodeApplicationContent({ kind: 'application', data: new Uint8Array([1]) }),
    },
  }
  const signer = by.services.signerFor(ownSignatureKey(held))
  const signature = await signContent(signer, content, 'mls_private_message', contextBytes)
  const auth = { signature, confirmationTag: undefined }
  const { message } = protectPrivate(used, {
    senderDataSecret: secrets.senderDataSecret,
    secretTree,
    authenticatedContent: { wireFormat: 'mls_private_message', content, auth },
    random: by.services.random,
  })
  return wrap({ wireFormat: 'mls_private_message', privateMessage: message }, by.head)
}
