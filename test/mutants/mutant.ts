/**
 * A deliberate mistake in the library, and the tests that have to notice it. Data and text only: nothing here runs.
 */

export interface Mutant {
  /** Unique, kebab-case. */
  readonly name: string
  /** What goes wrong with it, in one sentence. */
  readonly breaks: string
  /** The source file that is changed, from the root of the workspace. */
  readonly file: string
  /** Stands in the file exactly once. */
  readonly search: string
  readonly replacement: string
  /** Test files of which at least one must fail, from the root of the workspace. */
  readonly tests: readonly string[]
}

/** How often a text stands in another. */
export function countOccurrences(text: string, search: string): number {
  return search === '' ? 0 : text.split(search).length - 1
}

/** The source with the mistake in it; undefined when the text to replace is not there exactly once. */
export function mutate(source: string, { search, replacement }: Mutant): string | undefined {
  if (countOccurrences(source, search) !== 1) return undefined
  const at = source.indexOf(search)
  return source.slice(0, at) + replacement + source.slice(at + search.length)
}
