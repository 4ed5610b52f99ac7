/**
 * Memory in which something is laid out to be hashed or compared at once. Whoever does that again and again asks for the
 * memory once: an array of more than 64 bytes lies outside V8's heap and costs more than hashing what is in it. Not for
 * secrets, which would stay in it, and not for what is still read when the next one is laid out.
 */
import { Writer } from './writer.ts'

const SIZE_AT_FIRST = 512
/** What takes more gets memory of its own, and keeps nothing from being freed. */
const KEPT_SIZE_MAX = 4096

export class Scratch {
  readonly #kept = new Writer(SIZE_AT_FIRST)

  /** An empty writer with room for about `sizeHint` bytes. What the last one was given for may be overwritten from now on. */
  writer(sizeHint: number): Writer {
    return sizeHint <= KEPT_SIZE_MAX ? this.#kept.restart() : new Writer(sizeHint)
  }
}
