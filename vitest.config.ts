import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'
import { DearFirst } from './test/dear-first.ts'

/**
 * Tests run the TypeScript sources: the condition `dmls-source` in every package's `exports` points at them, here, in
 * the workers and in what they start. DMLS_LONG=1 adds the tests that take minutes, and gives every property 2 000 cases
 * (test/long-run.ts).
 */
const conditions = ['dmls-source', ...defaultServerConditions]
const isLong = process.env.DMLS_LONG === '1'

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['{packages/*,sim}/test/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['**/node_modules/**', '**/dist/**'],
    setupFiles: ['./test/long-run.ts'],
    ...(isLong ? { sequence: { sequencer: DearFirst } } : {}),
    // a hundred clients in one process need more than the default heap
    execArgv: ['--conditions=dmls-source', ...(isLong ? ['--max-old-space-size=8192'] : [])],
    testTimeout: isLong ? 3_600_000 : 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
      include: ['{packages/*,sim}/src/**/*.ts'],
      reporter: ['text-summary', 'html', 'json-summary'],
      reportsDirectory: 'coverage',
    },
  },
})
