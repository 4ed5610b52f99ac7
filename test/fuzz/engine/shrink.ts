/** Making a tape shorter and plainer for as long as it leads to the same thing. */

/** A slow input would otherwise be tried for hours. */
const TIME_MAX_MS = 20_000

/**
 * The plainest tape found, in the given time and with at most `attempts` tries, for which `holds` is true; the given one
 * has it.
 */
export async function shrink(
  tape: Uint8Array,
  holds: (tape: Uint8Array) => Promise<boolean>,
  attempts: number,
): Promise<Uint8Array> {
  let best = withoutTrailingZeros(tape)
  let left = attempts
  const end = performance.now() + TIME_MAX_MS
  const better = async (candidate: Uint8Array): Promise<boolean> => {
    if (performance.now() > end) left = 0
    if (left-- <= 0 || !(await holds(candidate))) return false
    best = withoutTrailingZeros(candidate)
    return true
  }
  for (let size = best.length; size >= 1 && left > 0; size = Math.floor(size / 2)) {
    for (let at = 0; at < best.length && left > 0; ) {
      const cut = new Uint8Array([...best.subarray(0, at), ...best.subarray(at + size)])
      if (!(await better(cut))) at += size
    }
  }
  for (let at = 0; at < best.length && left > 0; at++) {
    if (best[at] === 0) continue
    const zeroed = best.slice()
    zeroed[at] = 0
    await better(zeroed)
  }
  return best
}

/** A tape reads zeros beyond its end. */
function withoutTrailingZeros(tape: Uint8Array): Uint8Array {
  let end = tape.length
  while (end > 0 && tape[end - 1] === 0) end--
  return tape.slice(0, end)
}
