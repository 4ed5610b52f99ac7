/** Who is called what: names that people gave themselves, and the beginnings of identities that stand in for them. */

const SHORT_LENGTH = 6

export class Directory {
  readonly #names = new Map<string, string>()

  /** Somebody says to have this name. */
  learn(identity: string, name: string | undefined): void {
    if (name !== undefined) this.#names.set(identity, name)
  }

  /** `bob·1f2a3c`, or the beginning of the identity alone. */
  label(identity: string): string {
    const short = identity.slice(0, SHORT_LENGTH)
    const name = this.#names.get(identity)
    return name === undefined ? short : `${name}·${short}`
  }

  labels(): ReadonlyMap<string, string> {
    return new Map([...this.#names.keys()].map((identity) => [identity, this.label(identity)]))
  }

  /** The identities that a name or the beginning of an identity may stand for. */
  find(who: string, among: readonly string[]): readonly string[] {
    return among.filter(
      (identity) =>
        identity.startsWith(who.toLowerCase()) || this.#names.get(identity) === who || this.label(identity) === who,
    )
  }
}
