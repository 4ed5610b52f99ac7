/** The process in which `memory.ts` measures. Arguments: members, retained epochs. Prints its report as JSON. */
import { weigh } from './memory.ts'

const [members, retainedEpochs] = process.argv.slice(2).map(Number) as [number, number]
/** Enough for a tree of several levels. */
const REHEARSAL_MEMBERS_MAX = 100

// What code and its first use leave behind is no group's. As many epochs as are weighed: code is compiled again, and
// better, the more often it has run, which would be taken for 2 KiB of each epoch.
await weigh(Math.min(members, REHEARSAL_MEMBERS_MAX), retainedEpochs)
console.log(JSON.stringify(await weigh(members, retainedEpochs)))
