/**
 * What a chat puts into an application message: the text and the name under which its author wants to be known, as
 * JSON. Names are claims of their authors, so they are shown together with the beginning of the identity.
 */

export interface Utterance {
  readonly name?: string
  readonly text: string
}

const NAME_LENGTH_MAX = 24

export function encodeUtterance(utterance: Utterance): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(utterance))
}

/** Text that is not ours is shown as it is. */
export function decodeUtterance(text: string): Utterance {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && 'text' in value && typeof value.text === 'string') {
      const name = 'name' in value && typeof value.name === 'string' ? value.name.slice(0, NAME_LENGTH_MAX) : ''
      return { ...(name === '' ? {} : { name: printable(name) }), text: printable(value.text) }
    }
  } catch {
    // Somebody else's format.
  }
  return { text: printable(text) }
}

/** The text without control characters: nobody shall move the cursor in somebody else's terminal. */
function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what has to go.
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, ' ')
}
