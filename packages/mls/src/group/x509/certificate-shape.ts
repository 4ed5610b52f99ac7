/**
 * The outermost structure of a certificate, in DER (RFC 5280 §4.1): what is to be signed, the algorithm, which must be the
 * one named inside, and the signature. The X.509 library would also read other encodings of it, and bytes after it.
 */
import { equalBytes } from '@dmls/crypto'

const SEQUENCE = 0x30
const BIT_STRING = 0x03
const INTEGER = 0x02
const VERSION = 0xa0

/** Where one element of DER has its contents, and where it ends. */
interface Element {
  readonly tag: number
  readonly start: number
  readonly end: number
}

/** The element that begins at `at` and ends by `limit`; undefined if there is none whose length is in its shortest form. */
function elementAt(der: Uint8Array, at: number, limit: number): Element | undefined {
  const [tag, first] = der.subarray(at, at + 2)
  if (tag === undefined || first === undefined) return undefined
  const more = first < 0x80 ? 0 : first - 0x80
  if (first === 0x80 || more > 3 || at + 2 + more > limit) return undefined
  let length = more === 0 ? first : 0
  for (const byte of der.subarray(at + 2, at + 2 + more)) length = length * 256 + byte
  const shortest = length < 0x80 ? 0 : Math.ceil(Math.log2(length + 1) / 8)
  const start = at + 2 + more
  return shortest === more && start + length <= limit ? { tag, start, end: start + length } : undefined
}

/** The elements one after another from `at` on, which fill everything up to `end`; undefined if they do not. */
function elementsIn(der: Uint8Array, { start, end }: Element): readonly Element[] | undefined {
  const elements: Element[] = []
  for (let at = start; at < end; ) {
    const element = elementAt(der, at, end)
    if (element === undefined) return undefined
    elements.push(element)
    at = element.end
  }
  return elements
}

/** Whether the bytes have the shape of one certificate. Nothing is said of what is inside. */
export function isCertificateShape(der: Uint8Array): boolean {
  const whole = elementAt(der, 0, der.length)
  if (whole?.tag !== SEQUENCE || whole.end !== der.length) return false
  const [content, algorithm, signature, ...others] = elementsIn(der, whole) ?? []
  if (content?.tag !== SEQUENCE || algorithm?.tag !== SEQUENCE || others.length > 0) return false
  if (signature?.tag !== BIT_STRING || der[signature.start] !== 0) return false
  const parts = elementsIn(der, content) ?? []
  const [serial, inner] = parts[0]?.tag === VERSION ? parts.slice(1) : parts
  if (serial?.tag !== INTEGER || inner?.tag !== SEQUENCE) return false
  // RFC 5280 §4.1.1.2: the algorithm is the one named in what is signed
  return equalBytes(der.subarray(algorithm.start, algorithm.end), der.subarray(inner.start, inner.end))
}
