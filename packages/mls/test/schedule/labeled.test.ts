import { signerFromPrivateKey, systemRandom } from '@dmls/crypto'
import { describe, expect, test } from 'vitest'
import { Writer } from '../../src/codec/writer.ts'
import {
  decryptWithLabel,
  deriveSecret,
  deriveTreeSecret,
  encryptWithLabel,
  expandWithLabel,
  kdfLabel,
  refHash,
  signWithLabel,
  verifyWithLabel,
} from '../../src/schedule/labeled.ts'
import { providers, suite } from '../suites.ts'
import { claimedBy, hex, vectorTest } from '../vectors.ts'

interface CryptoBasics {
  readonly cipher_suite: number
  readonly ref_hash: { readonly label: string; readonly value: string; readonly out: string }
  readonly expand_with_label: Readonly<Record<'secret' | 'label' | 'context' | 'out', string>> & {
    readonly length: number
  }
  readonly derive_secret: Readonly<Record<'secret' | 'label' | 'out', string>>
  readonly derive_tree_secret: Readonly<Record<'secret' | 'label' | 'out', string>> & {
    readonly generation: number
    readonly length: number
  }
  readonly sign_with_label: Readonly<Record<'priv' | 'pub' | 'content' | 'label' | 'signature', string>>
  readonly encrypt_with_label: Readonly<
    Record<'priv' | 'pub' | 'label' | 'context' | 'plaintext' | 'kem_output' | 'ciphertext', string>
  >
}

for (const provider of providers) {
  vectorTest<CryptoBasics>(
    'mls',
    'crypto-basics',
    `${provider.name}: the labelled operations agree with crypto-basics`,
    async (vectors) => {
      expect(vectors.map((v) => v.cipher_suite)).toEqual([1, 2, 3, 4, 5, 6, 7])
      for (const { suite, vector } of claimedBy(provider, vectors)) {
        const reference = vector.ref_hash
        expect(refHash(suite, reference.label, hex(reference.value))).toEqual(hex(reference.out))
        const expand = vector.expand_with_label
        expect(expandWithLabel(suite, hex(expand.secret), expand.label, hex(expand.context), expand.length)).toEqual(
          hex(expand.out),
        )
        const derive = vector.derive_secret
        expect(deriveSecret(suite, hex(derive.secret), derive.label)).toEqual(hex(derive.out))
        const tree = vector.derive_tree_secret
        expect(deriveTreeSecret(suite, hex(tree.secret), tree.label, tree.generation, tree.length)).toEqual(
          hex(tree.out),
        )

        const sign = vector.sign_with_label
        const verify = (signature: Uint8Array, label: string = sign.label) =>
          verifyWithLabel(suite, hex(sign.pub), label, hex(sign.content), signature)
        expect(await verify(hex(sign.signature))).toBe(true)
        expect(await verify(hex(sign.signature), 'another label')).toBe(false)
        const signer = await signerFromPrivateKey(suite, hex(sign.priv))
        expect(await verify(await signWithLabel(signer, sign.label, hex(sign.content)))).toBe(true)

        const encrypt = vector.encrypt_with_label
        const [priv, context, plaintext] = [hex(encrypt.priv), hex(encrypt.context), hex(encrypt.plaintext)]
        const given = { kemOutput: hex(encrypt.kem_output), ciphertext: hex(encrypt.ciphertext) }
        expect(await decryptWithLabel(suite, priv, encrypt.label, context, given)).toEqual(plaintext)
        const own = await encryptWithLabel(suite, hex(encrypt.pub), encrypt.label, context, plaintext, systemRandom)
        expect(await decryptWithLabel(suite, priv, encrypt.label, context, own)).toEqual(plaintext)
        await expect(decryptWithLabel(suite, priv, 'another label', context, own)).rejects.toMatchObject({
          code: 'open_failed',
        })
      }
    },
  )
}

describe('KDFLabel', () => {
  test('is the same whether the label is in the table or not, for every size of the context', () => {
    for (const label of ['tree', 'no such label', 'x'.repeat(300)]) {
      for (const size of [0, 1, 62, 63, 64, 65, 16383, 16384]) {
        const context = new Uint8Array(size).fill(7)
        const expected = new Writer()
          .uint16(0x1234)
          .opaque(new TextEncoder().encode(`MLS 1.0 ${label}`))
          .opaque(context)
          .finish()
        expect(kdfLabel(label, context, 0x1234)).toEqual(expected)
      }
    }
  })

  test('refuses a length that does not fit', () => {
    expect(() => kdfLabel('tree', new Uint8Array(0), 0x10000)).toThrow(
      expect.objectContaining({ code: 'length_too_long' }),
    )
  })

  test('a derived tree secret is ExpandWithLabel over four bytes of generation', () => {
    const secret = new Uint8Array(32).fill(3)
    const generation = 0xfedcba98
    const context = new Writer().uint32(generation).finish()
    expect(deriveTreeSecret(suite, secret, 'key', generation, 16)).toEqual(
      expandWithLabel(suite, secret, 'key', context, 16),
    )
  })
})
