/** `dmls dag`: the epoch DAG of a stored group. */
import { existsSync, writeFileSync } from 'node:fs'
import { CliError, usageError } from '../cli-error.ts'
import { type Command, defineCommand } from '../command/command.ts'
import { required, wholeNumber } from '../command/values.ts'
import { shortId } from '../history/history.ts'
import { nameEveryone } from '../history/naming.ts'
import { latest } from '../history/order.ts'
import { EPOCHS_DRAWN_MAX, renderSvg } from '../history/svg.ts'
import { renderText } from '../history/text.ts'
import { styleOf, writeLine } from '../io.ts'
import { readHistories } from '../node/offline.ts'
import { storeFolderIn } from '../node/store-folder.ts'

export const dagCommand: Command = defineCommand({
  name: 'dag',
  summary: 'show the epoch DAG of a stored group',
  description: 'Reads a store that no process is using. Nothing is sent and nothing is changed.',
  options: {
    store: { type: 'string', value: 'DIR', help: 'folder of the member' },
    group: { type: 'string', value: 'ID', help: 'the group, or the beginning of its id; needed if there are several' },
    name: { type: 'string', value: 'ID=NAME', multiple: true, help: 'a name for an identity, or for its beginning' },
    last: { type: 'string', value: 'N', help: 'only the newest N epochs' },
    svg: { type: 'string', value: 'FILE', help: 'draw it into a file' },
    json: { type: 'boolean', help: 'print it as JSON' },
  },
  run: async (values, io) => {
    const folder = storeFolderIn(required('dag', 'store', values.store))
    const count = wholeNumber('last', values.last, { min: 1, max: 1_000_000, fallback: 1_000_000 })
    const nicknames = values.name.map(parseNickname)
    if (!existsSync(folder)) throw new CliError(`there is no store in ${folder}`)

    const groups = (await readHistories(folder)).filter(({ groupId }) => groupId.startsWith(values.group ?? ''))
    const [group, ...others] = groups
    if (group === undefined)
      throw new CliError(`the store has no ${values.group === undefined ? 'group' : 'such group'}`)
    if (others.length > 0) {
      const ids = groups.map(({ groupId }) => shortId(groupId)).join(', ')
      throw usageError(`the store has several groups; choose one with --group: ${ids}`)
    }
    const identities = group.history.epochs.flatMap(({ committer, added, removed }) => [
      ...(committer === undefined ? [] : [committer]),
      ...added,
      ...removed,
    ])
    const names = new Map(
      identities.flatMap((identity) => {
        const nickname = nicknames.find(({ start }) => identity.startsWith(start))
        return nickname === undefined ? [] : [[identity, nickname.name] as const]
      }),
    )
    const history = latest(nameEveryone(group.history, names), count)
    if (values.svg !== undefined) {
      if (history.epochs.length > EPOCHS_DRAWN_MAX) {
        throw usageError(
          `${history.epochs.length} epochs make no picture; draw the newest with --last ${EPOCHS_DRAWN_MAX}`,
        )
      }
      writeFileSync(values.svg, await renderSvg(history, { title: `Group ${shortId(group.groupId)}` }))
    }
    if (values.json) writeLine(io.stdout, JSON.stringify({ groupId: group.groupId, ...history }, undefined, 2))
    else if (values.svg === undefined)
      for (const line of renderText(history, styleOf(io, io.stdout))) writeLine(io.stdout, line)
    else writeLine(io.stdout, `drawn in ${values.svg}`)
    return 0
  },
})

function parseNickname(text: string): { readonly start: string; readonly name: string } {
  const match = /^([0-9a-f]+)=(.+)$/.exec(text)
  if (match === null) throw usageError(`--name wants the beginning of an identity and a name, ID=NAME, not "${text}"`)
  return { start: match[1]!, name: match[2]! }
}
