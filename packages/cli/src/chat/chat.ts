/**
 * A chat in the terminal: lines in, lines out. Lines that start with a slash are commands; everything else is said to
 * the group. What the group decides (who came, who went, forks and merges) is shown as it happens.
 */
import type { DmlsGroup, GroupEvent } from '@dmls/client'
import { fromHex, toHex } from '@dmls/crypto'
import { usageError } from '../cli-error.ts'
import { explain } from '../explain.ts'
import { shortId } from '../history/history.ts'
import { nameEveryone } from '../history/naming.ts'
import { renderText } from '../history/text.ts'
import type { Journal } from '../member/journal.ts'
import { historyReport } from '../member/snapshot.ts'
import type { Node } from '../node/node.ts'
import type { Style } from '../terminal-style.ts'
import { Directory } from './directory.ts'
import { decodeUtterance, encodeUtterance } from './utterance.ts'

const HELP = [
  '/create              found a group',
  '/add IDENTITY        invite somebody who is connected',
  '/remove WHO          remove a member, by name or by the beginning of the identity',
  '/members  /peers     who is in the group, who is connected',
  '/dial ADDRESS        connect to somebody',
  '/update              fresh keys: shuts out whoever stole the old ones',
  '/dag                 the history of the group',
  '/leave  /quit        leave the group, leave the program',
] as const

/** How many messages of earlier sessions are repeated at the start. */
const REPEATED_MAX = 10

export interface ChatOptions {
  readonly node: Node
  readonly journal: Journal
  readonly name: string | undefined
  readonly style: Style
  readonly print: (line: string) => void
}

export class Chat {
  readonly #node: Node
  readonly #journal: Journal
  readonly #name: string | undefined
  readonly #style: Style
  readonly #print: (line: string) => void
  readonly #directory = new Directory()
  readonly #stopFollowing: (() => void)[] = []

  constructor({ node, journal, name, style, print }: ChatOptions) {
    this.#node = node
    this.#journal = journal
    this.#name = name
    this.#style = style
    this.#print = print
  }

  /** Says who and where we are, and follows the groups that we are in. */
  start(): void {
    const { client, network } = this.#node
    this.#directory.learn(toHex(client.identity), this.#name)
    this.#note(`you are ${toHex(client.identity)}`)
    for (const address of network.addresses()) this.#note(`reachable at ${address}`)
    const earlier = this.#journal.received()
    for (const { sender, text } of earlier) this.#directory.learn(sender, decodeUtterance(text).name)
    for (const { sender, text } of earlier.slice(-REPEATED_MAX)) this.#show(sender, text, 'chosen')
    const group = this.#group()
    if (group === undefined) this.#note('in no group yet: /create one, or have somebody /add you')
    else this.#welcome(group)
    this.#stopFollowing.push(client.onGroup((joined) => this.#welcome(joined)))
  }

  /** Says how it goes to reach the peers whom the network tries to reach from now on. Never throws. */
  async meet(addresses: readonly string[]): Promise<void> {
    const attempts = addresses.map(async (address) => {
      try {
        await this.#node.network.dial(address)
      } catch (error) {
        this.#note(`cannot reach ${address} yet: ${explain(error)}; trying again`)
      }
    })
    await Promise.all(attempts)
  }

  stop(): void {
    for (const stop of this.#stopFollowing) stop()
  }

  /** Does what a line says. Returns false when the user wants to quit. Mistakes are printed, not thrown. */
  async enter(line: string): Promise<boolean> {
    const text = line.trim()
    if (text === '') return true
    if (text === '/quit') return false
    try {
      if (text.startsWith('/')) await this.#command(text)
      else
        await this.#require().send(encodeUtterance({ ...(this.#name === undefined ? {} : { name: this.#name }), text }))
    } catch (error) {
      this.#print(this.#style.bad(`! ${explain(error)}`))
    }
    return true
  }

  async #command(line: string): Promise<void> {
    const [command = '', argument = ''] = line.split(/\s+/)
    const { client, network } = this.#node
    switch (command) {
      case '/help':
        for (const each of HELP) this.#note(each)
        return
      case '/create':
        if (this.#group()?.isMember === true) throw usageError('you are in a group already')
        this.#welcome(await client.createGroup())
        return
      case '/add':
        await this.#add(argument.toLowerCase())
        return
      case '/remove':
        await this.#require().remove([fromHex(this.#who(argument))])
        return
      case '/members':
        for (const { identity, isSelf } of this.#known().members()) {
          this.#note(`${this.#directory.label(toHex(identity))}${isSelf ? ' (you)' : ''}`)
        }
        return
      case '/peers':
        this.#note(network.peers().join(', ') || 'nobody is connected')
        return
      case '/dial':
        if (argument === '') throw usageError('/dial wants an address: what somebody’s chat says to be reachable at')
        await network.dial(argument)
        this.#note('connected')
        return
      case '/update': {
        const group = this.#require()
        await group.update()
        this.#note(`fresh keys: epoch ${group.epoch} · ${shortId(group.head)}`)
        return
      }
      case '/dag': {
        const history = nameEveryone(historyReport(this.#known()), this.#directory.labels())
        for (const each of renderText(history, this.#style)) this.#print(each)
        return
      }
      case '/leave': {
        const group = this.#require()
        if (group.members().every(({ isSelf }) => isSelf)) throw usageError('nobody else is here who could let you go')
        await group.leave()
        this.#note('asked the others to take you out; whoever is connected does so')
        return
      }
      default:
        throw usageError(`there is no ${command}; see /help`)
    }
  }

  async #add(identity: string): Promise<void> {
    const { client } = this.#node
    const own = toHex(client.identity)
    if (!/^[0-9a-f]*$/.test(identity) || identity.length !== own.length)
      throw usageError(`/add wants the whole identity of somebody, ${own.length} digits: what their chat shows first`)
    const group = this.#require()
    if (group.members().some((member) => toHex(member.identity) === identity))
      throw usageError(`${identity === own ? 'you are' : `${this.#directory.label(identity)} is`} in the group already`)
    this.#note(`asking for a key package of ${this.#directory.label(identity)}`)
    await group.add([await client.fetchKeyPackage(fromHex(identity))])
  }

  #who(argument: string): string {
    if (argument === '') throw usageError('/remove wants a name, or the beginning of an identity')
    const among = this.#require()
      .members()
      .map(({ identity }) => toHex(identity))
    const found = [...new Set(this.#directory.find(argument, among))]
    if (found.length === 0) throw usageError(`nobody in the group is called "${argument}"`)
    if (found.length > 1)
      throw usageError(`"${argument}" may be ${found.map((each) => this.#directory.label(each)).join(' or ')}`)
    return found[0]!
  }

  #welcome(group: DmlsGroup): void {
    this.#stopFollowing.push(group.on((event) => this.#onEvent(event)))
    const names = group.members().map(({ identity }) => this.#directory.label(toHex(identity)))
    this.#note(`in a group of ${names.length}: ${names.join(', ')} (epoch ${group.epoch} · ${shortId(group.head)})`)
  }

  #onEvent(event: GroupEvent): void {
    const label = ({ identity }: { readonly identity: Uint8Array }): string => this.#directory.label(toHex(identity))
    switch (event.type) {
      case 'message': {
        const { id, sender, data, dmlsEpoch, branch } = event.message
        const text = new TextDecoder().decode(data)
        const entry = { messageId: toHex(id), sender: toHex(sender.identity), text, dmlsEpoch, branch }
        if (this.#journal.noteReceived(entry)) this.#show(entry.sender, text, branch)
        return
      }
      case 'membersChanged': {
        // Whoever comes back has a new leaf instead of the old one.
        const back = new Set(event.added.map(({ identity }) => toHex(identity)))
        for (const member of event.removed) if (!back.has(toHex(member.identity))) this.#note(`${label(member)} is out`)
        for (const member of event.added)
          this.#note(member.isSelf ? 'you are in the group again' : `${label(member)} is in`)
        return
      }
      case 'forkOpened':
        this.#note(`the group has forked: heads ${event.heads.map(shortId).join(' and ')}`)
        return
      case 'merged':
        this.#note(`the fork is merged: ${event.resolved.map(shortId).join(', ')} into ${shortId(event.dmlsEpoch)}`)
        return
      case 'forkOpenTooLong':
        this.#note(
          `the fork is still open after ${Math.round(event.openMs / 1000)} s: nobody who could close it is connected`,
        )
        return
      case 'equivocation':
        this.#note(`somebody speaks with two tongues: ${shortId(event.instance)}`)
        return
      case 'removed':
        this.#note(`you have been removed${event.by === undefined ? '' : ` by ${label(event.by)}`}`)
        return
      case 'cannotFollow':
        this.#note('the others are where you cannot follow; asking them to bring you there')
        return
      case 'stateLost':
        this.#note('this is a copy of a state that went on elsewhere; asking the others to start afresh')
        return
      case 'orphaned':
        this.#note('nobody is left in this group')
        return
      case 'rejoined':
        this.#note('you are in the group again')
        return
      case 'beyondHorizon':
      case 'unknownEpoch':
      case 'refused':
      case 'headChanged':
      case 'epochAdded':
        // Nothing that somebody who chats could do something about.
        return
    }
  }

  #show(sender: string, text: string, branch: 'chosen' | 'merged' | 'losing'): void {
    const utterance = decodeUtterance(text)
    this.#directory.learn(sender, utterance.name)
    const mark = branch === 'losing' ? this.#style.dim(' (from another branch)') : ''
    this.#print(`${this.#style.bold(this.#directory.label(sender))}: ${utterance.text}${mark}`)
  }

  #note(text: string): void {
    this.#print(this.#style.dim(`· ${text}`))
  }

  /** The group that we talk in; one that we are out of only if there is no other. */
  #group(): DmlsGroup | undefined {
    const groups = this.#node.client.groups()
    return groups.find(({ isMember }) => isMember) ?? groups[0]
  }

  /** The group to look at. */
  #known(): DmlsGroup {
    const group = this.#group()
    if (group === undefined) throw usageError('in no group yet: /create one, or have somebody /add you')
    return group
  }

  /** The group to act in. */
  #require(): DmlsGroup {
    const group = this.#known()
    if (!group.isMember) throw usageError('you are out of the group: /create one, or have somebody /add you')
    return group
  }
}
