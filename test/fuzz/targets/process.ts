/**
 * Messages to a live group, in each profile. Beyond the common oracle: a refused message leaves the receiver's state as
 * it was to the byte; receivers who accept a commit agree on the epoch; and the epoch that it leads to is sound: its tree
 * would pass a joiner's validation, it survives storage, and the group can go on from it.
 */
import { equalBytes } from '@dmls/crypto'
import {
  createCommit,
  decodeGroupState,
  decodeMlsMessage,
  encodeGroupState,
  type GroupState,
  MlsError,
  messageHeader,
  mlsMessageBytes,
  type Processed,
  type Proposal,
  processMessage,
  ratchetTreeBytes,
  readMessageHeader,
  validateRatchetTree,
} from '@dmls/mls'
import { Tape } from '../engine/tape.ts'
import { demand, Finding, refusal, type Target } from '../engine/target.ts'
import { anyMessage } from '../world/attacking.ts'
import { type GroupWorld, groupWorld, type Member, type WorldSettings } from '../world/group-world.ts'
import { NOW } from '../world/scene.ts'

/** Reads zeros: the ordinary thing. */
const HONEST = new Tape(new Uint8Array(0))

interface Outcome {
  readonly member: Member
  readonly label: string
  readonly processed: Processed | undefined
}

export function processTarget(name: string, settings: () => WorldSettings): Target {
  return {
    name,
    tapeMax: 160,
    quickRuns: 250,
    open: async () => {
      const world = await groupWorld(settings())
      return async (tape) => processOnce(world, tape)
    },
  }
}

async function processOnce(world: GroupWorld, tape: Tape): Promise<string> {
  let bytes: Uint8Array
  try {
    bytes = await anyMessage(world, tape)
  } catch (error) {
    if (error instanceof Finding) throw error
    return 'not made'
  }
  const goesOn = tape.once(8)
  const outcomes: Outcome[] = []
  for (const member of world.receivers) outcomes.push(await receive(member, bytes))
  await checkAgreement(world, outcomes, goesOn)
  if (goesOn) await checkCommittable(world, outcomes, tape)
  return outcomes.map(({ label }) => label).join(' | ')
}

async function receive(member: Member, bytes: Uint8Array): Promise<Outcome> {
  const { state, person } = member
  let processed: Processed | undefined
  let label: string
  let decoded = false
  try {
    const message = decodeMlsMessage(bytes)
    decoded = true
    demand(equalBytes(mlsMessageBytes(message), bytes), 'a decoded message re-encodes to other bytes')
    demand(sameHeader(messageHeader(message), readMessageHeader(bytes)), 'the two readers of a header disagree')
    processed = await processMessage(state, message, person.services)
    label = processed.kind === 'commit' && processed.child === undefined ? 'removed' : processed.kind
  } catch (error) {
    label = refusal(error)
    if (decoded && error instanceof MlsError && error.blame === 'malformed' && isPrivate(bytes)) {
      throw new Finding('the inside of a PrivateMessage is no relay’s fault', { cause: error })
    }
  }
  checkUntouched(member)
  return { member, label, processed }
}

function isPrivate(bytes: Uint8Array): boolean {
  return readMessageHeader(bytes)?.wireFormat === 'mls_private_message'
}

function sameHeader(a: ReturnType<typeof messageHeader>, b: ReturnType<typeof messageHeader>): boolean {
  if (a === undefined || b === undefined) return a === b
  const same = a.wireFormat === b.wireFormat && a.epoch === b.epoch && a.contentType === b.contentType
  return same && equalBytes(a.groupId, b.groupId) && equalBytes(a.authenticatedData, b.authenticatedData)
}

function checkUntouched({ state, encoded, tree }: Member): void {
  demand(equalBytes(encodeGroupState(state), encoded), 'the state that was passed in has changed')
  demand(equalBytes(ratchetTreeBytes(state.tree), tree), 'the tree that was passed in has changed')
}

interface Child {
  readonly member: Member
  readonly state: GroupState
}

async function checkAgreement(world: GroupWorld, outcomes: readonly Outcome[], goesOn: boolean): Promise<void> {
  const children: Child[] = []
  for (const { member, processed } of outcomes) {
    if (processed?.kind === 'commit' && processed.child !== undefined) children.push({ member, state: processed.child })
  }
  const [first, ...others] = children
  if (first === undefined) return
  for (const other of others) {
    demand(equalBytes(other.state.contextBytes, first.state.contextBytes), 'two members accepted different contexts')
    demand(equalBytes(other.state.epochId, first.state.epochId), 'two members accepted different epochs')
  }
  checkStored(first.state)
  try {
    const { context, suite, tree } = first.state
    const { groupId, extensions, treeHash } = context
    await validateRatchetTree(suite, tree, { groupId, groupExtensions: extensions, treeHash, now: NOW })
  } catch (error) {
    throw new Finding('an accepted commit leads to a tree that no joiner accepts', { cause: error })
  }
  if (goesOn && first.state.reinit === undefined) await checkGoesOn(world, first, others)
  for (const { member } of children) checkUntouched(member)
}

function checkStored(state: GroupState): void {
  const bytes = encodeGroupState(state)
  const { suite, profile, tree } = state
  const restored = decodeGroupState(bytes, { suite, profile, tree })
  demand(equalBytes(encodeGroupState(restored), bytes), 'a state does not survive storage')
  demand(restored.context.epoch === state.context.epoch, 'an epoch number does not survive storage')
}

/** Whatever proposals wait, nobody keeps an honest member from committing, with or without something of its own. */
async function checkCommittable(world: GroupWorld, outcomes: readonly Outcome[], tape: Tape): Promise<void> {
  const [first, ...others] = outcomes.flatMap(({ member, processed }): Child[] =>
    processed?.kind === 'proposal' ? [{ member, state: processed.state }] : [],
  )
  if (first === undefined) return
  const { signer, services } = first.member.person
  const authenticatedData = world.authenticatedData(HONEST, 'member')
  const own = tape.pick<readonly Proposal[]>([
    [],
    [{ proposalType: 'remove', removed: 3 }],
    [{ proposalType: 'group_context_extensions', extensions: first.state.context.extensions }],
  ])
  try {
    const options = { signer, authenticatedData, references: 'all', proposals: own } as const
    const made = await createCommit(first.state, options, services)
    for (const { member, state } of others) {
      const followed = await processMessage(state, made.message, member.person.services)
      demand(followed.kind === 'commit', 'a commit of everything that waits is not followed')
    }
  } catch (error) {
    if (error instanceof Finding) throw error
    throw new Finding('a proposal keeps an honest member from committing', { cause: error })
  }
}

/** The next commit, by somebody honest, is made and followed. */
async function checkGoesOn(world: GroupWorld, first: Child, others: readonly Child[]): Promise<void> {
  const { signer, services } = first.member.person
  const authenticatedData = world.authenticatedData(HONEST, 'member')
  try {
    const made = await createCommit(first.state, { signer, authenticatedData }, services)
    for (const { member, state } of others) {
      const followed = await processMessage(state, made.message, member.person.services)
      demand(followed.kind === 'commit' && followed.child !== undefined, 'an honest commit is not followed')
      demand(equalBytes(followed.child.epochId, made.child.epochId), 'an honest commit leads apart')
    }
  } catch (error) {
    if (error instanceof Finding) throw error
    throw new Finding('the group cannot go on after an accepted commit', { cause: error })
  }
}
