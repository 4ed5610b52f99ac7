/** A browser loads three of the four entry points: none of them may reach node:crypto. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'

const SOURCE = new URL('../src/', import.meta.url)

/** Every specifier that a module and the modules of this package that it imports name, except in type imports. */
function importedFrom(entry: string): ReadonlySet<string> {
  const specifiers = new Set<string>()
  const visited = new Set<string>()
  const pending = [new URL(entry, SOURCE)]
  for (let module = pending.pop(); module !== undefined; module = pending.pop()) {
    if (visited.has(module.href)) continue
    visited.add(module.href)
    for (const [, specifier] of readFileSync(module, 'utf8').matchAll(
      /^(?:import|export)\s(?!type\s)(?:[^'"]*?\sfrom\s)?['"]([^'"]+)['"]/gm,
    )) {
      if (specifier === undefined) continue
      specifiers.add(specifier)
      if (specifier.startsWith('.')) pending.push(new URL(specifier, module))
    }
  }
  return specifiers
}

describe('the import graph', () => {
  test.each(['index.ts', 'noble/index.ts', 'webcrypto/index.ts'])('%s reaches no module of Node', (entry) => {
    expect([...importedFrom(entry)].filter((specifier) => specifier.startsWith('node:'))).toEqual([])
  })

  test('node/index.ts does, so the search finds what it looks for', () => {
    expect(importedFrom('node/index.ts').has('node:crypto')).toBe(true)
  })

  test('index.ts reaches no cryptographic library', () => {
    expect([...importedFrom('index.ts')].filter((specifier) => !specifier.startsWith('.'))).toEqual([])
  })
})
