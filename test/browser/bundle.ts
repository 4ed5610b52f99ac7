/** The page as one script, built by Vite from the sources, with a list of what in it asks for Node. */
import { builtinModules } from 'node:module'
import { fileURLToPath } from 'node:url'
import { build, defaultClientConditions } from 'vite'

const PAGE = fileURLToPath(new URL('page/', import.meta.url))

export interface Bundle {
  /** By path, the entry under `/main.js`. */
  readonly scripts: ReadonlyMap<string, string>
  /** Modules of Node that something in the bundle imports, each with the package that does. */
  readonly nodeModules: readonly string[]
}

export async function bundlePage(): Promise<Bundle> {
  const nodeModules = new Set<string>()
  const built = await build({
    root: PAGE,
    configFile: false,
    logLevel: 'silent',
    publicDir: false,
    resolve: { conditions: ['dmls-source', ...defaultClientConditions] },
    plugins: [
      {
        name: 'node-modules-are-noticed',
        enforce: 'pre',
        resolveId(source, importer = '') {
          if (!source.startsWith('node:') && !builtinModules.includes(source)) return null
          nodeModules.add(`${source} in ${/.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(importer)?.[1] ?? importer}`)
          return null
        },
      },
    ],
    build: {
      write: false,
      target: 'esnext',
      rollupOptions: { input: `${PAGE}main.ts`, output: { entryFileNames: 'main.js' } },
    },
  })
  if (!('output' in built)) throw new Error('vite made no bundle')
  const scripts = new Map<string, string>()
  for (const part of built.output) if (part.type === 'chunk') scripts.set(`/${part.fileName}`, part.code)
  return { scripts, nodeModules: [...nodeModules] }
}
