/** Finds what one TypeScript or JavaScript file imports, types included, by parsing it. */
import { parseSync, Visitor } from 'vite'

/**
 * One mention of another module. `specifier` is undefined when it is computed and cannot be read.
 *
 * @typedef {{ specifier: string | undefined, line: number }} Import
 * @typedef {{ imports: readonly Import[], randomLines: readonly number[] }} Reading
 */

/**
 * Returns every import, export-from, dynamic import and `import('…')` type of a file, in order, and the lines that use
 * `Math.random`. Throws when the file does not parse. A module has no `require`; where Node could lend one, the linter
 * denies it.
 *
 * @param {string} file name, which tells the language
 * @param {string} source
 * @returns {Reading}
 */
export function readImports(file, source) {
  const { program, errors } = parseSync(file, source)
  const fatal = errors.find((error) => error.severity === 'Error')
  if (fatal !== undefined) throw new SyntaxError(`${file}: ${fatal.message}`)

  /** @type {Import[]} */
  const imports = []
  /** @type {number[]} */
  const randomLines = []
  const lineOf = (/** @type {number} */ offset) => source.slice(0, offset).split('\n').length
  /** @param {{ start: number, source?: unknown }} node */
  const add = (node) => {
    if (node.source === null || node.source === undefined) return
    imports.push({ specifier: literalOf(node.source), line: lineOf(node.start) })
  }

  new Visitor({
    ImportDeclaration: add,
    ExportAllDeclaration: add,
    ExportNamedDeclaration: add,
    ImportExpression: add,
    TSImportType: add,
    TSExternalModuleReference: (node) => add({ start: node.start, source: node.expression }),
    MemberExpression: (node) => {
      const isMath = node.object.type === 'Identifier' && node.object.name === 'Math'
      if (isMath && node.property.type === 'Identifier' && node.property.name === 'random') {
        randomLines.push(lineOf(node.start))
      }
    },
  }).visit(program)
  return { imports, randomLines }
}

/**
 * @param {unknown} node
 * @returns {string | undefined}
 */
function literalOf(node) {
  const { type, value } = /** @type {{ type: string, value?: unknown }} */ (node)
  return type === 'Literal' && typeof value === 'string' ? value : undefined
}
