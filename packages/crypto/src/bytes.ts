/** Small operations on byte strings that everything above shares. */

/** Whether two byte strings are equal; for public values. Secrets and tags: {@link equalConstantTime}. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** Whether two byte strings are equal, in time that depends on their lengths only. */
export function equalConstantTime(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number)
  return difference === 0
}

/** Lexicographic order of two byte strings: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shorter = Math.min(a.length, b.length)
  for (let i = 0; i < shorter; i++) {
    const difference = (a[i] as number) - (b[i] as number)
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0
  for (const part of parts) length += part.length
  const joined = new Uint8Array(length)
  let offset = 0
  for (const part of parts) {
    joined.set(part, offset)
    offset += part.length
  }
  return joined
}

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })

export function utf8(text: string): Uint8Array {
  return encoder.encode(text)
}

/** @throws TypeError if the bytes are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

const HEX_DIGITS: readonly number[] = Array.from('0123456789abcdef', (digit) => digit.charCodeAt(0))
/** Arguments of one call, which are on the stack. */
const CHARACTERS_AT_ONCE = 2048

/**
 * Lower-case hexadecimal; also the form in which byte strings are keys of a Map. Made from all its characters at once:
 * what is put together piece by piece keeps the pieces, and looking it up takes half as long again.
 */
export function toHex(bytes: Uint8Array): string {
  const characters = new Array<number>(2 * bytes.length)
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    characters[2 * i] = HEX_DIGITS[byte >> 4] as number
    characters[2 * i + 1] = HEX_DIGITS[byte & 15] as number
  }
  if (characters.length <= CHARACTERS_AT_ONCE) return String.fromCharCode.apply(null, characters)
  const parts: string[] = []
  for (let at = 0; at < characters.length; at += CHARACTERS_AT_ONCE) {
    parts.push(String.fromCharCode.apply(null, characters.slice(at, at + CHARACTERS_AT_ONCE)))
  }
  return parts.join('')
}

/** @throws RangeError if the text is not an even number of hexadecimal digits. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || /[^0-9a-fA-F]/.test(text)) throw new RangeError('not hexadecimal')
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}

/** Overwrites secrets with zeros. Wipe only what you own. */
export function wipe(...secrets: readonly Uint8Array[]): void {
  for (const secret of secrets) secret.fill(0)
}
