/**
 * The puncturable PRF (protocol §3): `DeriveFSSecret` of the draft. A tree of secrets of depth 8·KDF.Nh whose leaf is
 * named by the input. Evaluating an input gives its output and the tree that can never give it again.
 *
 * One evaluation costs 2 · 8·KDF.Nh expansions, and each leaves up to 8·KDF.Nh secrets behind (8 KiB with SHA-256).
 */
import type { CipherSuite } from '@dmls/crypto'
import { deriveSecret, malformed, PuncturableTree, type Reader, type Writer } from '@dmls/mls'

/** What one evaluation gives. */
export interface PprfEvaluation {
  /** KDF.Nh bytes; the caller owns it. */
  readonly output: Uint8Array
  /** The PPRF in which this input is punctured. */
  readonly next: Pprf
  /** Buffers that `next` no longer holds: wipe them once it is stored. Until then the old PPRF works as before. */
  readonly superseded: readonly Uint8Array[]
  /** Buffers of `next` that the old PPRF does not hold: wipe them instead if the evaluation is given up. */
  readonly created: readonly Uint8Array[]
}

export class Pprf {
  readonly #suite: CipherSuite
  readonly #tree: PuncturableTree

  private constructor(suite: CipherSuite, tree: PuncturableTree) {
    this.#suite = suite
    this.#tree = tree
  }

  /** An unpunctured PPRF. The key, KDF.Nh bytes, is copied. */
  static fromKey(suite: CipherSuite, key: Uint8Array): Pprf {
    return new Pprf(suite, PuncturableTree.fromRoot(suite, key, 8 * suite.hashSize))
  }

  /** How many secrets it holds, KDF.Nh bytes each. */
  get nodeCount(): number {
    return this.#tree.nodeCount
  }

  /**
   * Evaluates an input of KDF.Nh bytes, whose bits name the leaf, most significant first, 1 = right.
   * @throws MlsError `invalid`/`pprf_punctured` when it was evaluated before: nothing has changed then;
   * `usage`/`bad_input_length`
   */
  evaluate(input: Uint8Array): PprfEvaluation {
    const { leaf, next, superseded, created } = this.#tree.evaluate(input)
    const output = deriveSecret(this.#suite, leaf, 'pprf')
    leaf.fill(0)
    return { output, next: new Pprf(this.#suite, next), superseded, created }
  }

  encode(writer: Writer): void {
    this.#tree.encode(writer)
  }

  /** @throws MlsError `malformed`; `bad_pprf_depth` for a tree that is no PPRF of this suite */
  static decode(suite: CipherSuite, reader: Reader): Pprf {
    const tree = PuncturableTree.decode(suite, reader)
    if (tree.depth !== 8 * suite.hashSize) throw malformed('bad_pprf_depth', 'the PPRF is one of another cipher suite')
    return new Pprf(suite, tree)
  }

  /** Overwrites every secret that it holds; a PPRF that it shares secrets with loses them too. */
  wipe(): void {
    this.#tree.wipe()
  }
}
