/** Every package explains itself with an example that has the right types, runs as it stands, and prints what it says. */
import { execFile } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('../..', import.meta.url))
const packages = `${root}/packages`
/** It has commands in place of an example; `test/e2e` runs them. */
const WITHOUT_EXAMPLE = ['cli']

/** Inside the workspace, so that the packages are found. */
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(fileURLToPath(new URL('example-', import.meta.url)))
})
afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 5 }))

function readmeOf(name: string): Promise<string> {
  return readFile(`${packages}/${name}/README.md`, 'utf8')
}

function block(readme: string, language: string): string {
  const found = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1]
  if (found === undefined) throw new Error(`there is no ${language}`)
  return found
}

const names = await readdir(packages)
const withExample = names.filter((name) => !WITHOUT_EXAMPLE.includes(name))

test.each(names)('packages/%s has a README under its own name', async (name) => {
  expect((await readmeOf(name)).split('\n')[0]).toBe(`# \`@dmls/${name}\``)
})

test.each(withExample)(
  'the example in the README of packages/%s prints what it says',
  async (name) => {
    const readme = await readmeOf(name)
    await writeFile(`${folder}/${name}.ts`, block(readme, 'ts'))
    const running = run(process.execPath, ['--conditions=dmls-source', `${name}.ts`], { cwd: folder })
    running.child.stdin?.end()
    expect((await running).stdout).toBe(block(readme, 'text'))
  },
  40_000,
)

test('the examples have the right types', async () => {
  for (const name of withExample) await writeFile(`${folder}/${name}.ts`, block(await readmeOf(name), 'ts'))
  await writeFile(`${folder}/tsconfig.json`, JSON.stringify({ extends: '../../../tsconfig.tests.json' }))
  const checked = await run(`${root}/node_modules/.bin/tsc`, ['--project', folder], { cwd: root }).catch(
    (error: { readonly stdout: string }) => error,
  )
  // the sources are checked elsewhere
  expect(checked.stdout.split('\n').filter((line) => line.startsWith('test/readme/'))).toEqual([])
}, 40_000)
