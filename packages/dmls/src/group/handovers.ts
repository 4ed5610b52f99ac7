/** The handovers that were said where we could hear them (protocol §7.6), bounded, because any member can say one. */
import type { DmlsGroupState, Handover } from './state.ts'

const HANDOVERS_MAX = 256

/** One epoch may resolve several heads, and is then handed over to in each. */
export function handoverKey({ saidIn, resolvedBy }: Handover): string {
  return `${saidIn} ${resolvedBy}`
}

/** With one more; the oldest leaves when there are too many. */
export function withHandover(known: DmlsGroupState['handovers'], handover: Handover): DmlsGroupState['handovers'] {
  const handovers = new Map(known).set(handoverKey(handover), handover)
  const [oldest] = handovers.keys()
  if (handovers.size > HANDOVERS_MAX && oldest !== undefined) handovers.delete(oldest)
  return handovers
}
