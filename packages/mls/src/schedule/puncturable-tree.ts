/**
 * A tree of secrets whose leaves can each be evaluated once: RFC 9420 §9's derivation with the depth as a parameter.
 * With depth 8·KDF.Nh it is the puncturable PRF of the decentralized profile, with depth 16 the tree of the safe
 * exporter. It does not derive anything from a leaf.
 *
 * Immutable. Evaluating returns the tree to keep, which shares everything with the old one but the new copath. What is
 * left is held as *spines*: the path of one evaluation with its copath secrets in one array, and where a later
 * evaluation left that path, a spine of its own. So a tree costs its secrets and little more, and an evaluation copies
 * only the spines on its way.
 */
import type { CipherSuite } from '@dmls/crypto'
import type { Reader } from '../codec/reader.ts'
import type { Writer } from '../codec/writer.ts'
import { invalid, malformed, usage } from '../errors.ts'
import { deriveTreeChild, type Side } from './tree-child.ts'

/** A punctured subtree: its root is at `top`, and the path from there down to `top + levels` is gone. */
interface Spine {
  readonly top: number
  readonly levels: number
  /** The path's bits from the root of the whole tree; only those in [top, top + levels) count. */
  readonly path: Uint8Array
  /** The copath: the sibling of the path's node at depth `top + i + 1` is at `i × KDF.Nh`. */
  readonly secrets: Uint8Array
  /** Copath nodes that are punctured themselves, ascending by `level`; their slot in `secrets` is dead. */
  readonly branches: readonly Branch[]
}

interface Branch {
  /** Index of the copath node in the spine's `secrets`. */
  readonly level: number
  readonly spine: Spine
}

/** What one evaluation gives. */
export interface Evaluation {
  /** The leaf's secret, KDF.Nh bytes; the caller owns it. */
  readonly leaf: Uint8Array
  /** The tree in which this leaf cannot be evaluated again. */
  readonly next: PuncturableTree
  /** Buffers of the old tree that `next` no longer holds. The caller wipes them once `next` is stored. */
  readonly superseded: readonly Uint8Array[]
  /** Buffers of `next` that the old tree does not hold. Wipe them instead if the evaluation is given up. */
  readonly created: readonly Uint8Array[]
}

const DEPTH_MAX = 512
const CONSUMED = 0
const INTACT = 1
const SPLIT = 2

const NO_SECRET = new Uint8Array(0)

export class PuncturableTree {
  readonly depth: number
  /** How many secrets the tree holds. */
  readonly nodeCount: number
  readonly #suite: CipherSuite
  readonly #root: Uint8Array | Spine

  private constructor(suite: CipherSuite, depth: number, root: Uint8Array | Spine, nodeCount: number) {
    this.#suite = suite
    this.depth = depth
    this.#root = root
    this.nodeCount = nodeCount
  }

  /** An unpunctured tree of `2^depth` leaves. The root secret, KDF.Nh bytes, is copied. */
  static fromRoot(suite: CipherSuite, root: Uint8Array, depth: number): PuncturableTree {
    if (root.length !== suite.hashSize) throw usage('bad_root_secret', 'a root secret is KDF.Nh bytes')
    if (!Number.isInteger(depth) || depth < 0 || depth > DEPTH_MAX) {
      throw usage('bad_depth', 'a tree of secrets is at most 512 levels deep')
    }
    return new PuncturableTree(suite, depth, root.slice(), 1)
  }

  /**
   * Evaluates one leaf. `input` is the leaf's index in `depth` bits, most significant first; 1 goes right. Bits that
   * fill up the last byte are zero.
   * @throws MlsError `pprf_punctured` if this leaf was evaluated before; nothing has changed then
   */
  evaluate(input: Uint8Array): Evaluation {
    this.#checkInput(input)
    if (this.#root instanceof Uint8Array) {
      const grown = growSpine(this.#suite, this.#root, input, 0, this.depth)
      return {
        leaf: grown.leaf,
        next: new PuncturableTree(this.#suite, this.depth, grown.spine, this.depth),
        superseded: [this.#root],
        created: [grown.spine.secrets],
      }
    }
    return this.#evaluateBelow(this.#root, input)
  }

  #checkInput(input: Uint8Array): void {
    if (input.length !== Math.ceil(this.depth / 8))
      throw usage('bad_input_length', 'an input is one bit for each level')
    const spare = input.length * 8 - this.depth
    if (spare > 0 && ((input[input.length - 1] as number) & ((1 << spare) - 1)) !== 0) {
      throw usage('bad_input', 'bits beyond the depth of the tree are not zero')
    }
  }

  #evaluateBelow(root: Spine, input: Uint8Array): Evaluation {
    const size = this.#suite.hashSize
    const passed: Step[] = []
    let last = stepInto(root, input)
    passed.push(last)
    for (let next = branchAt(root, last.level); next !== undefined; next = branchAt(next, last.level)) {
      last = stepInto(next, input)
      passed.push(last)
    }
    const secret = last.spine.secrets.subarray(last.level * size, (last.level + 1) * size)
    const top = last.spine.top + last.level + 1
    const grown = growSpine(this.#suite, secret, input, top, this.depth)
    let below = grown.spine
    for (const { spine, level } of passed.reverse()) {
      below = { ...spine, branches: withBranch(spine.branches, { level, spine: below }) }
    }
    const nodeCount = this.nodeCount - 1 + (this.depth - top)
    return {
      leaf: grown.leaf,
      next: new PuncturableTree(this.#suite, this.depth, below, nodeCount),
      superseded: [secret],
      created: [grown.spine.secrets],
    }
  }

  /**
   * The depth as `uint16`, then the nodes in preorder: consumed, intact with its secret, or split. The same punctures
   * give the same bytes, in whatever order they were made. A fully unpunctured tree holds one secret.
   */
  encode(writer: Writer): void {
    writer.uint16(this.depth)
    if (this.#root instanceof Uint8Array) writer.uint8(INTACT).fixed(this.#root)
    else encodeSpine(writer, this.#root, 0, this.#suite.hashSize)
  }

  /** @throws MlsError `bad_puncturable_tree` unless the bytes are what {@link encode} writes */
  static decode(suite: CipherSuite, reader: Reader): PuncturableTree {
    const depth = reader.uint16()
    if (depth > DEPTH_MAX) throw malformed('bad_puncturable_tree', 'a tree of secrets is too deep')
    const decoded = decodeNode(suite, reader, depth)
    const path = new Uint8Array(Math.ceil(depth / 8))
    const root = decoded instanceof Uint8Array ? decoded : spineOf(suite.hashSize, decoded, 0, path)
    return new PuncturableTree(suite, depth, root, countNodes(root))
  }

  /** Overwrites every secret that the tree holds; trees that it shares secrets with lose them too. */
  wipe(): void {
    if (this.#root instanceof Uint8Array) this.#root.fill(0)
    else wipeSpine(this.#root)
  }
}

function bitAt(path: Uint8Array, depth: number): 0 | 1 {
  return (((path[depth >> 3] as number) >> (7 - (depth & 7))) & 1) as 0 | 1
}

function sideOf(bit: 0 | 1): Side {
  return bit === 0 ? 'left' : 'right'
}

/** The level at which the input leaves the spine's path, or its number of levels. */
function divergence(spine: Spine, input: Uint8Array): number {
  let depth = spine.top
  const end = spine.top + spine.levels
  while (depth < end) {
    // whole equal bytes are passed over at once
    if ((depth & 7) === 0 && input[depth >> 3] === spine.path[depth >> 3]) depth += 8
    else if (bitAt(input, depth) === bitAt(spine.path, depth)) depth += 1
    else return depth - spine.top
  }
  return spine.levels
}

/** A spine on the way to a leaf, and the level at which the way leaves it. */
interface Step {
  readonly spine: Spine
  readonly level: number
}

function stepInto(spine: Spine, input: Uint8Array): Step {
  const level = divergence(spine, input)
  if (level === spine.levels) throw invalid('pprf_punctured', 'this input has been evaluated before')
  return { spine, level }
}

function branchAt(spine: Spine, level: number): Spine | undefined {
  for (const branch of spine.branches) if (branch.level === level) return branch.spine
  return undefined
}

function withBranch(branches: readonly Branch[], branch: Branch): readonly Branch[] {
  return [
    ...branches.filter((other) => other.level < branch.level),
    branch,
    ...branches.filter((other) => other.level > branch.level),
  ]
}

/** Walks from a node's secret to the input's leaf and keeps the copath. The secret itself is left alone. */
function growSpine(
  suite: CipherSuite,
  secret: Uint8Array,
  input: Uint8Array,
  top: number,
  depth: number,
): { readonly leaf: Uint8Array; readonly spine: Spine } {
  const size = suite.hashSize
  const secrets = new Uint8Array((depth - top) * size)
  let node: Uint8Array = secret.slice()
  for (let at = top; at < depth; at++) {
    const bit = bitAt(input, at)
    const sibling = deriveTreeChild(suite, node, bit === 0 ? 'right' : 'left')
    secrets.set(sibling, (at - top) * size)
    sibling.fill(0)
    const child = deriveTreeChild(suite, node, sideOf(bit))
    node.fill(0)
    node = child
  }
  return { leaf: node, spine: { top, levels: depth - top, path: input.slice(), secrets, branches: [] } }
}

/** The subtree of the spine from one of its levels on, in preorder. */
function encodeSpine(writer: Writer, spine: Spine, level: number, size: number): void {
  if (isConsumed(spine, level)) {
    writer.uint8(CONSUMED)
    return
  }
  writer.uint8(SPLIT)
  const right = bitAt(spine.path, spine.top + level) === 1
  if (right) encodeCopath(writer, spine, level, size)
  encodeSpine(writer, spine, level + 1, size)
  if (!right) encodeCopath(writer, spine, level, size)
}

function encodeCopath(writer: Writer, spine: Spine, level: number, size: number): void {
  const branch = branchAt(spine, level)
  if (branch !== undefined) encodeSpine(writer, branch, 0, size)
  else writer.uint8(INTACT).fixed(spine.secrets.subarray(level * size, (level + 1) * size))
}

/** Whether no secret is left in the spine's subtree from one of its levels on. */
function isConsumed(spine: Spine, level: number): boolean {
  for (let at = level; at < spine.levels; at++) {
    const branch = branchAt(spine, at)
    if (branch === undefined || !isConsumed(branch, 0)) return false
  }
  return true
}

function countNodes(node: Uint8Array | Spine): number {
  if (node instanceof Uint8Array) return 1
  let count = node.levels - node.branches.length
  for (const branch of node.branches) count += countNodes(branch.spine)
  return count
}

function wipeSpine(spine: Spine): void {
  spine.secrets.fill(0)
  for (const branch of spine.branches) wipeSpine(branch.spine)
}

/** A subtree as it is read: consumed, intact, or its two halves. */
type Decoded = typeof CONSUMED | Uint8Array | { readonly left: Decoded; readonly right: Decoded }

/** Reads a subtree of `height` levels. There is one form for each set of punctures. */
function decodeNode(suite: CipherSuite, reader: Reader, height: number): Decoded {
  const kind = reader.uint8()
  if (kind === CONSUMED) return CONSUMED
  if (kind === INTACT) return reader.fixed(suite.hashSize)
  if (kind !== SPLIT || height === 0)
    throw malformed('bad_puncturable_tree', 'a node is of no kind that may stand here')
  const left = decodeNode(suite, reader, height - 1)
  const right = decodeNode(suite, reader, height - 1)
  if (left === CONSUMED && right === CONSUMED) {
    throw malformed('bad_puncturable_tree', 'a split node has nothing left below it')
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) {
    throw malformed('bad_puncturable_tree', 'a split node has nothing consumed below it')
  }
  return { left, right }
}

/** Turns what was read below `top` into a spine; `path` leads there and its bits beyond are zero. */
function spineOf(size: number, node: Exclude<Decoded, Uint8Array>, top: number, path: Uint8Array): Spine {
  const ownPath = path.slice()
  const copath: Uint8Array[] = []
  const branches: Branch[] = []
  let at: Decoded = node
  while (at !== CONSUMED && !(at instanceof Uint8Array)) {
    const level = copath.length
    const depth = top + level
    const right: boolean = at.left instanceof Uint8Array
    const beside: Decoded = right ? at.left : at.right
    if (right) ownPath[depth >> 3] = (ownPath[depth >> 3] as number) | (0x80 >> (depth & 7))
    if (beside === CONSUMED || !(beside instanceof Uint8Array)) {
      const besidePath = ownPath.slice()
      besidePath[depth >> 3] = (besidePath[depth >> 3] as number) ^ (0x80 >> (depth & 7))
      branches.push({ level, spine: spineOf(size, beside, depth + 1, besidePath) })
      copath.push(NO_SECRET)
    } else {
      copath.push(beside)
    }
    at = right ? at.right : at.left
  }
  const secrets = new Uint8Array(copath.length * size)
  for (const [level, secret] of copath.entries()) {
    secrets.set(secret, level * size)
    secret.fill(0)
  }
  return { top, levels: copath.length, path: ownPath, secrets, branches }
}
