import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeWhole } from '../../src/codec/reader.ts'
import { encodeWhole } from '../../src/codec/writer.ts'
import { MlsError } from '../../src/errors.ts'
import { bytes, treeAndExtensionTypes, type WireType, wireTypes } from '../arbitraries.ts'

/** The value, or the code of the typed refusal; anything else that is thrown fails the test. */
function attempt<T>(type: WireType<T>, input: Uint8Array): { readonly value: T } | { readonly code: string } {
  try {
    return { value: decodeWhole(input, type.decode) }
  } catch (error) {
    if (error instanceof MlsError && error.blame === 'malformed') return { code: error.code }
    throw error
  }
}

/** What is accepted is the one encoding of its value: so no non-minimal length, no stray octet, no trailing byte. */
function acceptedOnlyIfCanonical<T>(type: WireType<T>, input: Uint8Array): void {
  const outcome = attempt(type, input)
  if ('value' in outcome) expect(encodeWhole(outcome.value, type.encode)).toEqual(input)
}

describe.each([...wireTypes, ...treeAndExtensionTypes].map((type) => [type.name, type] as const))(
  '%s',
  (_name, anyType) => {
    test('comes back from its encoding, which is canonical', () => {
      anyType.use((type) =>
        fc.assert(
          fc.property(type.values, (value) => {
            const encoded = encodeWhole(value, type.encode)
            const decoded = decodeWhole(encoded, type.decode)
            expect(decoded).toEqual(value)
            expect(encodeWhole(decoded, type.encode)).toEqual(encoded)
          }),
        ),
      )
    })

    test('does not alias what it was read from, be it a Uint8Array or a Buffer', () => {
      anyType.use((type) =>
        fc.assert(
          fc.property(type.values, fc.boolean(), (value, asBuffer) => {
            const encoded = encodeWhole(value, type.encode)
            const input = asBuffer ? Buffer.from(encoded) : encoded.slice()
            const decoded = decodeWhole(input, type.decode)
            input.fill(0xff)
            expect(encodeWhole(decoded, type.encode)).toEqual(encoded)
          }),
          { numRuns: 40 },
        ),
      )
    })

    test('is refused with a byte too many or any number too few', () => {
      anyType.use((type) =>
        fc.assert(
          fc.property(type.values, bytes, fc.nat(), (value, more, at) => {
            const encoded = encodeWhole(value, type.encode)
            const longer = new Uint8Array([...encoded, 0, ...more])
            expect(attempt(type, longer)).toEqual({ code: 'trailing_bytes' })
            const shorter = encoded.slice(0, at % encoded.length)
            expect(attempt(type, shorter)).toHaveProperty('code')
          }),
          { numRuns: 60 },
        ),
      )
    })

    test('with bytes changed is refused as malformed, or is the one encoding of another value', () => {
      anyType.use((type) =>
        fc.assert(
          fc.property(type.values, fc.nat(), fc.nat(255), fc.boolean(), (value, at, byte, insert) => {
            const encoded = encodeWhole(value, type.encode)
            const place = at % encoded.length
            const rest = encoded.subarray(insert ? place : place + 1)
            acceptedOnlyIfCanonical(type, new Uint8Array([...encoded.subarray(0, place), byte, ...rest]))
          }),
          { numRuns: 200 },
        ),
      )
    })

    test('is never read out of anything else than its encoding', () => {
      anyType.use((type) =>
        fc.assert(
          fc.property(fc.uint8Array({ maxLength: 64 }), (input) => acceptedOnlyIfCanonical(type, input)),
          { numRuns: 200 },
        ),
      )
    })
  },
)

/** What has no test of its own here, and why. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  decodeContentType: 'one number, part of Content and PrivateMessage',
  decodeContentBody: 'its type stands elsewhere: part of FramedContent',
  decodeFramedContentAuthData: 'depends on the content: part of AuthenticatedContent and PublicMessage',
  decodeSenderRatchet: 'no wire type: storage of the secret tree',
  decodeNode: 'no wire type: storage of the secret tree',
}

test('no structure that is read from the wire is left out here', () => {
  const sources = new URL('../../src/', import.meta.url)
  const readers = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [
      ...readFileSync(new URL(file, sources), 'utf8').matchAll(
        /^export function ((?:decode|read)\w+)\([^)]*\breader: Reader\b/gm,
      ),
    ])
    .map(([, name]) => name as string)
  expect(readers.length).toBeGreaterThan(25)
  const listed = readFileSync(new URL('../arbitraries.ts', import.meta.url), 'utf8').split('export const wireTypes')[1]
  expect(readers.filter((name) => !(name in ELSEWHERE) && !listed?.includes(name))).toEqual([])
})
