/**
 * Colours for a terminal that wants them, and nothing for one that does not: `style.bold('x')` is `'x'` when the output
 * is no terminal or the user has set NO_COLOR.
 */
export interface Style {
  bold(text: string): string
  dim(text: string): string
  good(text: string): string
  bad(text: string): string
  /** A colour of its own for each branch of a history. */
  branch(index: number, text: string): string
}

/** Cyan, magenta, yellow, blue, green, red: told apart on dark and on light grounds. */
const BRANCH_CODES = [36, 35, 33, 34, 32, 31] as const

const PLAIN: Style = {
  bold: (text) => text,
  dim: (text) => text,
  good: (text) => text,
  bad: (text) => text,
  branch: (_, text) => text,
}

const COLOURED: Style = {
  bold: (text) => `\u001b[1m${text}\u001b[22m`,
  dim: (text) => `\u001b[2m${text}\u001b[22m`,
  good: (text) => coloured(32, text),
  bad: (text) => coloured(31, text),
  branch: (index, text) => coloured(BRANCH_CODES[index % BRANCH_CODES.length]!, text),
}

/** The style for an output. */
export function styleFor(
  output: { readonly isTTY?: boolean | undefined },
  environment: Readonly<Record<string, string | undefined>>,
): Style {
  const isRefused = (environment.NO_COLOR ?? '') !== '' || environment.TERM === 'dumb'
  return output.isTTY === true && !isRefused ? COLOURED : PLAIN
}

/** The text without its colours: what is seen. */
export function withoutStyle(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences start with a control character.
  return text.replace(/\u001b\[[0-9;]*m/g, '')
}

function coloured(code: number, text: string): string {
  return `\u001b[${code}m${text}\u001b[39m`
}
