/**
 * `pnpm bench`: times, floors, memory, storage and start-up, in one run on one machine, and which targets it met. What the
 * numbers mean: `docs/performance.md`.
 */
import { open, readFile, writeFile } from 'node:fs/promises'
import { type BenchOptions, HELP, readOptions, UsageError } from './options.ts'
import { withFigures } from './report/markdown.ts'
import { type Report, textOf } from './report/report.ts'
import { plot } from './report/svg.ts'
import { FIXED_SIZE, measureAll } from './run.ts'

const STATUS = { met: 0, notMet: 1, usage: 2 } as const

async function bench(args: readonly string[]): Promise<number> {
  const options = readOptions(args)
  if (options.help) {
    process.stdout.write(HELP)
    return STATUS.met
  }
  await checkWritable(options)
  const begun = performance.now()
  const elapsed = (): string => `${Math.round((performance.now() - begun) / 1000)} s`.padStart(6)
  const report = await measureAll(options, (what) => process.stderr.write(`${elapsed()}  ${what} …\n`))
  const json = `${JSON.stringify(report, undefined, 2)}\n`
  if (options.json !== undefined && options.json !== '-') await writeFile(options.json, json)
  if (options.svg !== undefined) await writeFile(options.svg, plot(report.results))
  if (options.doc !== undefined) await writeFigures(options.doc, report)
  process.stdout.write(options.json === '-' ? json : textOf(report, FIXED_SIZE))
  return report.targets.some(({ met }) => met === false) ? STATUS.notMet : STATUS.met
}

/** Nobody wants to hear at the end of a run that there is no such folder. */
async function checkWritable({ json, svg, doc }: BenchOptions): Promise<void> {
  for (const file of [json === '-' ? undefined : json, svg, doc]) {
    if (file === undefined) continue
    try {
      await (await open(file, 'a')).close()
    } catch (error) {
      throw new UsageError(`cannot write ${file}: ${(error as Error).message}`)
    }
  }
}

async function writeFigures(file: string, report: Report): Promise<void> {
  const filled = withFigures(await readFile(file, 'utf8'), report, FIXED_SIZE)
  if (filled === undefined) process.stderr.write(`${file} has no place for figures, and is as it was\n`)
  else await writeFile(file, filled)
}

try {
  process.exitCode = await bench(process.argv.slice(2))
} catch (error) {
  if (!(error instanceof UsageError)) throw error
  process.stderr.write(`bench: ${error.message} (pnpm bench --help)\n`)
  process.exitCode = STATUS.usage
}
