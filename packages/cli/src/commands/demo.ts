/** `dmls demo`: the demonstration. */

import { EXIT_FAILED } from '../cli-error.ts'
import { type Command, defineCommand } from '../command/command.ts'
import { required, wholeNumber } from '../command/values.ts'
import { runDemo } from '../demo/demo.ts'
import { Screen } from '../demo/screen.ts'
import { styleOf, writeLine } from '../io.ts'

export const demoCommand: Command = defineCommand({
  name: 'demo',
  summary: 'watch a group survive a cut network: two histories, one merge',
  description:
    'Starts a process for each member, with a store of its own and real connections between them. Ends with a list of\nchecks; the exit status is 0 only if all of them hold.',
  options: {
    json: { type: 'boolean', help: 'print the facts as one JSON document; the story goes to standard error' },
    out: { type: 'string', value: 'DIR', help: 'where dag.svg is written (default demo-out)' },
    keep: { type: 'boolean', help: 'keep the members’ stores, in DIR/stores' },
    seed: { type: 'string', value: 'N', help: 'seed of everything random that is no key (default 1)' },
    chaos: { type: 'string', value: 'N', help: 'kill a random member at N random moments' },
  },
  run: async (values, io) => {
    const output = values.json ? io.stderr : io.stdout
    const report = await runDemo({
      screen: new Screen(output, styleOf(io, output)),
      outFolder: required('demo', 'out', values.out ?? 'demo-out'),
      keepsStores: values.keep,
      seed: wholeNumber('seed', values.seed, { min: 0, max: 0xffff_ffff, fallback: 1 }),
      chaosKills: wholeNumber('chaos', values.chaos, { min: 0, max: 1_000, fallback: 0 }),
      stop: io.stop,
    })
    if (values.json) writeLine(io.stdout, JSON.stringify(report, undefined, 2))
    return report.ok ? 0 : EXIT_FAILED
  },
})
