/** The process in which `memory.ts` measures. Arguments: members, retained epochs. Prints its report as JSON. */
import { weigh } from './memory.ts'

const [members, retainedEpochs] = process.argv.slice(2).map(Number) as [number, number]
// what code and its first use leave behind is no group's
await weigh(16, 4)
console.log(JSON.stringify(await weigh(members, retainedEpochs)))
