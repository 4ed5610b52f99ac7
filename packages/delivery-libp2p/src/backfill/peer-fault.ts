/** A peer did what no honest peer does, whatever it holds: its standing drops. */
export class PeerFault extends Error {
  override readonly name = 'PeerFault'
}
