import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeUtterance, encodeUtterance } from '../../src/chat/utterance.ts'

describe('what is said in a chat', () => {
  test('arrives with the name of its author', () => {
    const bytes = encodeUtterance({ name: 'alice', text: 'größer < 3' })
    expect(decodeUtterance(new TextDecoder().decode(bytes))).toEqual({ name: 'alice', text: 'größer < 3' })
  })

  test('in another format is shown as it is', () => {
    expect(decodeUtterance('plain words')).toEqual({ text: 'plain words' })
    expect(decodeUtterance('{"name":"alice"}')).toEqual({ text: '{"name":"alice"}' })
    expect(decodeUtterance('[1]')).toEqual({ text: '[1]' })
  })

  test('never moves the reader’s cursor', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (name, text) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there.
        const control = /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
        for (const bytes of [text, new TextDecoder().decode(encodeUtterance({ name, text }))]) {
          const shown = decodeUtterance(bytes)
          expect(shown.text).not.toMatch(control)
          expect(shown.name ?? '').not.toMatch(control)
          expect((shown.name ?? '').length).toBeLessThanOrEqual(24)
        }
      }),
    )
  })
})
