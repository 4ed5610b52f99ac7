/** Finds the word that somebody probably meant. */

/** A word with more mistakes than this is taken for another word. */
const MISTAKES_MAX = 2

/** The candidate with the fewest mistakes, or undefined if none is close. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: { readonly candidate: string; readonly mistakes: number } | undefined
  for (const candidate of candidates) {
    const mistakes = distance(word, candidate)
    if (mistakes <= MISTAKES_MAX && mistakes < candidate.length / 2 && mistakes < (best?.mistakes ?? Infinity)) {
      best = { candidate, mistakes }
    }
  }
  return best?.candidate
}

/** How many characters to insert, delete, replace, or swap with their neighbour. */
function distance(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  for (let row = 1; row <= a.length; row++) {
    const above = rows[row - 1]!
    const current = [row]
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1]
      const isSwapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
      current.push(
        Math.min(
          above[column - 1]! + (isSame ? 0 : 1),
          above[column]! + 1,
          current[column - 1]! + 1,
          isSwapped ? rows[row - 2]![column - 2]! + 1 : Infinity,
        ),
      )
    }
    rows.push(current)
  }
  return rows[a.length]![b.length]!
}
