/**
 * Loading the X.509 library, and with it a dependency injection container that refuses to start without the metadata
 * functions of `Reflect`. Nothing that is used here has metadata, so empty ones do; they are there only while the
 * library loads, in order not to stand in the way of a real polyfill that an application may load later.
 */
export type X509Library = typeof import('@peculiar/x509')

const NAMES = ['getMetadata', 'getOwnMetadata', 'defineMetadata'] as const

/** Loads the library, once in a process whoever asks. */
export async function loadX509(): Promise<X509Library> {
  const added = NAMES.filter((name) => !(name in Reflect))
  for (const name of added) {
    Object.defineProperty(Reflect, name, { value: () => undefined, configurable: true, writable: true })
  }
  try {
    return await import('@peculiar/x509')
  } finally {
    for (const name of added) Reflect.deleteProperty(Reflect, name)
  }
}
