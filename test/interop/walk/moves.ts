/** What can happen in the walk. A move says false if it is not possible now; then nothing has happened. */
import { utf8 } from '@dmls/crypto'
import { InteropGroup } from '../interop-group.ts'
import type { InteropMember, ProposalRequest } from '../interop-member.ts'
import type { Scene, Waiting } from './scene.ts'

export interface Move {
  readonly name: string
  readonly weight: number
  run(scene: Scene): Promise<boolean>
}

const called = (member: InteropMember): string => `${member.name} (${member.implementation})`

export const moves: readonly Move[] = [
  { name: 'add', weight: 16, run: add },
  { name: 'remove', weight: 9, run: remove },
  { name: 'remove and add again', weight: 2, run: swap },
  { name: 'refresh', weight: 9, run: refresh },
  { name: 'propose', weight: 20, run: propose },
  { name: 'commit references', weight: 14, run: commitReferences },
  { name: 'external join', weight: 6, run: joinExternally },
  { name: 'resync', weight: 4, run: resync },
  { name: 'psk', weight: 6, run: injectPsk },
  { name: 'extensions', weight: 4, run: changeExtensions },
  { name: 'rival commits', weight: 5, run: rivals },
  { name: 'messages', weight: 20, run: messages },
  { name: 'reinit', weight: 1, run: reinit },
  { name: 'branch', weight: 1, run: branch },
]

function committer(scene: Scene): InteropMember | undefined {
  const candidates = scene.committers()
  return candidates.length === 0 ? undefined : scene.random.pick(candidates)
}

async function add(scene: Scene): Promise<boolean> {
  const by = committer(scene)
  if (by === undefined || scene.room < 1) return false
  const newcomers: InteropMember[] = []
  const count = Math.min(scene.room, 1 + scene.random.below(3))
  while (newcomers.length < count) newcomers.push(await scene.newcomer())
  const adds: ProposalRequest[] = []
  for (const each of newcomers) adds.push({ type: 'add', keyPackage: await each.keyPackage() })
  scene.note(`${called(by)} adds ${newcomers.map(called).join(', ')}`)
  return scene.commit(by, adds, newcomers)
}

async function remove(scene: Scene): Promise<boolean> {
  const by = committer(scene)
  if (by === undefined) return false
  const removable = scene.removable(by)
  if (removable.length === 0) return false
  const gone = scene.random.pick(removable)
  scene.note(`${called(by)} removes ${called(gone)} at leaf ${gone.leafIndex}`)
  return scene.commit(by, [{ type: 'remove', leafIndex: gone.leafIndex }])
}

async function swap(scene: Scene): Promise<boolean> {
  const by = committer(scene)
  if (by === undefined) return false
  const removable = scene.removable(by)
  if (removable.length === 0) return false
  const again = scene.random.pick(removable)
  const add = { type: 'add', keyPackage: await again.keyPackage() } as const
  scene.note(`${called(by)} removes and adds ${called(again)}`)
  return scene.commit(by, [{ type: 'remove', leafIndex: again.leafIndex }, add], [again])
}

async function refresh(scene: Scene): Promise<boolean> {
  const by = committer(scene)
  if (by === undefined || scene.waiting.length > 0) return false
  scene.note(`${called(by)} refreshes its path`)
  return scene.commit(by, [])
}

async function commitReferences(scene: Scene): Promise<boolean> {
  const by = committer(scene)
  if (by === undefined || scene.waiting.length === 0) return false
  scene.note(`${called(by)} commits ${scene.waiting.map(({ type }) => type).join(', ')}`)
  return scene.commit(by, [])
}

async function propose(scene: Scene): Promise<boolean> {
  const by = scene.random.pick(scene.members)
  const type = scene.random.pick(['add', 'update', 'update', 'remove', 'psk', 'extensions'] as const)
  const proposed = await proposeOne(scene, by, type)
  if (proposed === undefined) return false
  scene.waiting.push(proposed)
  return true
}

async function proposeOne(scene: Scene, by: InteropMember, type: Waiting['type']): Promise<Waiting | undefined> {
  const framing = scene.framing()
  scene.note(`${called(by)} proposes ${type}, ${framing}`)
  switch (type) {
    case 'add': {
      if (scene.room < 1) return undefined
      const newcomer = await scene.newcomer()
      if (scene.random.chance(0.3)) {
        const message = await newcomer.proposeItself(await by.groupInfo({ tree: 'separate' }))
        await scene.group.deliver(newcomer, message)
      } else {
        await scene.group.propose(by, { type, keyPackage: await newcomer.keyPackage() }, framing)
      }
      return { type, newcomer }
    }
    case 'update':
      if (scene.isWaiting('update', by) || scene.isWaiting('remove', by)) return undefined
      await scene.group.proposeUpdate(by, framing)
      return { type, member: by }
    case 'remove': {
      const removable = scene.removable(by)
      if (removable.length === 0) return undefined
      const member = scene.random.pick(removable)
      await scene.group.propose(by, { type, leafIndex: member.leafIndex }, framing)
      return { type, member }
    }
    case 'psk':
      await scene.group.propose(by, { type, psk: await scene.psk('external') }, framing)
      return { type }
    case 'extensions': {
      if (scene.isWaiting('extensions')) return undefined
      const extensions = scene.extensions()
      await scene.group.propose(by, { type: 'group_context_extensions', extensions }, framing)
      return { type }
    }
  }
}

async function joinExternally(scene: Scene): Promise<boolean> {
  if (scene.room < 1) return false
  const host = scene.random.pick(scene.members)
  const newcomer = await scene.newcomer()
  scene.note(`${called(newcomer)} joins by itself with the GroupInfo of ${called(host)}`)
  return scene.joinExternally(newcomer, host)
}

async function resync(scene: Scene): Promise<boolean> {
  const [member, host] = scene.random.some(scene.members, 2) as [InteropMember, InteropMember]
  scene.note(`${called(member)} comes back with the GroupInfo of ${called(host)}`)
  return scene.joinExternally(member, host)
}

async function injectPsk(scene: Scene): Promise<boolean> {
  const by = committer(scene)
  if (by === undefined) return false
  // newcomers cannot know the resumption_psk of an epoch before theirs
  const kind = scene.isWaiting('add') || scene.random.chance(0.5) ? 'external' : 'resumption'
  scene.note(`${called(by)} injects a key: ${kind}`)
  return scene.commit(by, [{ type: 'psk', psk: await scene.psk(kind) }])
}

async function changeExtensions(scene: Scene): Promise<boolean> {
  // the peer commits such a change without a path, or encrypts the path under the old extensions
  const able = scene.committers().filter((member) => member.implementation === 'ours')
  if (able.length === 0 || scene.isWaiting('extensions')) return false
  const by = scene.random.pick(able)
  scene.note(`${called(by)} changes the extensions`)
  return scene.commit(by, [{ type: 'group_context_extensions', extensions: scene.extensions() }])
}

/** Two members commit in one epoch; the commit that loses is seen by nobody. */
async function rivals(scene: Scene): Promise<boolean> {
  const [winner, loser] = scene.random.some(scene.committers(), 2)
  if (winner === undefined || loser === undefined) return false
  scene.note(`${called(winner)} and ${called(loser)} commit, and the first wins`)
  const [won, lost] = [
    await winner.commit({ framing: scene.framing() }),
    await loser.commit({ framing: scene.framing() }),
  ]
  lost.drop()
  return scene.take(winner, won)
}

async function messages(scene: Scene): Promise<boolean> {
  if (scene.waiting.length > 0) return false
  const count = 1 + scene.random.below(4)
  scene.note(`${count} messages`)
  for (let i = 0; i < count; i++) await scene.send(scene.random.pick(scene.members))
  return true
}

async function reinit(scene: Scene): Promise<boolean> {
  if (scene.waiting.length > 0) return false
  const by = scene.random.pick(scene.members)
  const groupId = utf8(`walk since ${scene.operation}`)
  const extensions = scene.extensions()
  const { cipherSuite } = scene.options
  const members = scene.random.some(scene.members, scene.members.length)
  scene.note(`${called(by)} reinitialises the group, and ${called(members[0] as InteropMember)} makes the new one`)
  if (!(await scene.commit(by, [{ type: 'reinit', groupId, cipherSuite, extensions }]))) return false
  await scene.moveTo(await succeed(scene, 'recreate', members, groupId, extensions), groupId)
  return true
}

/** A group of some of the members, which has its say and is forgotten. */
async function branch(scene: Scene): Promise<boolean> {
  const members = scene.random.some(scene.members, 2 + scene.random.below(3))
  scene.note(`${members.map(called).join(', ')} branch off`)
  const { groupContext } = await scene.group.agree()
  const group = await succeed(scene, 'branch', members, utf8(`branch ${scene.operation}`), [])
  await group.everybodySpeaks()
  for (const member of group.members) await group.commit(member)
  const after = (await scene.group.agree()).groupContext
  if (String(after) !== String(groupContext)) throw new Error('the branch changed the group it comes from')
  return true
}

async function succeed(
  scene: Scene,
  how: 'recreate' | 'branch',
  members: readonly InteropMember[],
  groupId: Uint8Array,
  extensions: Parameters<InteropMember['recreate']>[0]['extensions'],
): Promise<InteropGroup> {
  const successors: InteropMember[] = []
  for (const member of members) successors.push(await member.successor(scene.options.cipherSuite))
  const [creator, ...others] = successors as [InteropMember, ...InteropMember[]]
  const keyPackages: Uint8Array[] = []
  for (const each of others) keyPackages.push(await each.keyPackage())
  const made = await creator[how]({ groupId, extensions, keyPackages, tree: scene.delivery() })
  made.take()
  const tree = made.tree === 'separate' ? made.ratchetTree : undefined
  for (const each of others) await each.join(made.welcome as Uint8Array, tree)
  const group = InteropGroup.of(successors)
  await group.agree()
  return group
}
