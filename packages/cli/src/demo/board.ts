/** Everybody at a glance, in one line: who stands on which head. Equal heads have equal colours. */
import type { Style } from '../terminal-style.ts'
import type { Actor } from './actor.ts'

/** So much of a dmls_epoch tells the few heads of a moment apart. */
const HEAD_LENGTH = 4

export function boardLine(actors: readonly Actor[], sideOf: (name: string) => number, style: Style): string {
  const heads = new Map<string, number>()
  const bySide = Map.groupBy(actors, ({ name }) => sideOf(name))
  const sides = [...bySide.keys()].filter((side) => side >= 0).sort((a, b) => a - b)
  return sides
    .map((side) => (bySide.get(side) ?? []).map((actor) => entry(actor, heads, style)).join('  '))
    .join(style.dim('  |  '))
}

function entry({ name, state }: Actor, heads: Map<string, number>, style: Style): string {
  if (state === undefined) return style.bad(`${name} down`)
  const { group } = state
  if (group === undefined) return style.dim(`${name} –`)
  if (!group.isMember) return style.dim(`${name} out`)
  const colour = heads.get(group.dmlsEpoch) ?? heads.size
  heads.set(group.dmlsEpoch, colour)
  return `${name} ${style.branch(colour, `${group.epoch}·${group.dmlsEpoch.slice(0, HEAD_LENGTH)}`)}`
}
