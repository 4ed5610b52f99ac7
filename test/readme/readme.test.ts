import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** The first TypeScript example of the README. */
async function readmeExample(): Promise<string> {
  const readme = await readFile(`${root}/README.md`, 'utf8')
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1]
  if (example === undefined) throw new Error('the README has no example')
  return example
}

test('the example of the README runs as it stands: bob reads what alice wrote', async () => {
  // inside the workspace, so that the packages are found; the example keeps its folders beside itself
  const folder = await mkdtemp(`${root}/test/readme/example-`)
  try {
    await writeFile(`${folder}/example.ts`, await readmeExample())
    const process_ = spawn(process.execPath, ['--conditions=dmls-source', 'example.ts'], { cwd: folder })
    const output = await new Promise<string>((resolve, reject) => {
      let text = ''
      process_.stdout.on('data', (chunk) => {
        text += chunk
        if (text.includes('hello bob')) resolve(text)
      })
      process_.stderr.on('data', (chunk) => {
        text += chunk
      })
      process_.on('exit', () => reject(new Error(`the example ended: ${text}`)))
    }).finally(() => process_.kill('SIGKILL'))
    expect(output).toContain('hello bob')
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 })
  }
}, 40_000)

test('the example has about twenty lines', async () => {
  const lines = (await readmeExample()).split('\n').filter((line) => line.trim() !== '' && !line.startsWith('import'))
  expect(lines.length).toBeLessThanOrEqual(22)
})
