import { defineConfig } from 'vitest/config'

/** Tests run the TypeScript sources: the condition `dmls-source` of every package's exports points at them. */
export default defineConfig({
  ssr: { resolve: { conditions: ['dmls-source'] } },
  resolve: { conditions: ['dmls-source'] },
  test: {
    include: ['packages/*/test/**/*.test.ts', 'sim/test/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**', '**/dist-tests/**'],
    execArgv: ['--conditions=dmls-source'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
