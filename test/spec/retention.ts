/** Protocol §8, the rules without the caps, on plain data. */
import type { DmlsEpoch, InstanceId, RetentionRule } from '@dmls/dmls'
import { before, equivocates, get, type History, latestMessages, line, roster } from './history.ts'

export interface View {
  readonly head: DmlsEpoch
  readonly own: InstanceId
  readonly supersededForMs: number | undefined
}

/** The members of the head, apart from those who were caught equivocating. */
function counted(history: History, { head, own }: View): InstanceId[] {
  return [...roster(history, head).keys()].filter((member) => member === own || !equivocates(history, member))
}

/** How many of them have spoken last in a causal descendant of the epoch. */
function spoken(history: History, epoch: DmlsEpoch, view: View): number {
  return counted(history, view).filter(
    (member) =>
      member === view.own || latestMessages(history, member).some((message) => before(history, epoch, message.epoch)),
  ).length
}

function behind(history: History, epoch: DmlsEpoch, head: DmlsEpoch): number {
  const shared = line(history, epoch).filter((id) => line(history, head).includes(id))
  if (shared.length > 0) return line(history, head).length - shared.length
  return Math.max(0, Number(get(history, head).epoch) - Number(get(history, epoch).epoch))
}

/** Whether a rule says that an epoch is not needed any more. */
export function isOver(history: History, rule: RetentionRule, epoch: DmlsEpoch, view: View): boolean {
  const members = counted(history, view).length
  switch (rule.kind) {
    case 'all-members':
      return spoken(history, epoch, view) === members
    case 'quorum':
      return spoken(history, epoch, view) >= (members * rule.numerator) / rule.denominator
    case 'depth':
      return behind(history, epoch, view.head) >= rule.epochs
    case 'age':
      return (view.supersededForMs ?? Number.NEGATIVE_INFINITY) >= rule.ageMs
    case 'any':
      return rule.rules.map((inner) => isOver(history, inner, epoch, view)).includes(true)
    case 'all':
      return !rule.rules.map((inner) => isOver(history, inner, epoch, view)).includes(false)
  }
}
