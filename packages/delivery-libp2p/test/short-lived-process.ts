/** Two nodes that are closed while they exchange messages; prints how long closing took, and how long the end of the process. */
import { message, Shelf } from '@dmls/client/contract/delivery'
import { digest, startNodes, until } from './cluster.ts'

process.on('unhandledRejection', (error) => {
  console.error(error)
  process.exit(1)
})
const nodes = await startNodes(2)
const shelves = nodes.map(() => new Shelf(digest))
for (let i = 0; i < 3000; i++) shelves[0]?.hold(message(`message ${i}`))
for (const [i, node] of nodes.entries()) await node.subscribe(message('group'), shelves[i] as Shelf)
await until(() => (shelves[1]?.received.length ?? 0) > 10)
const start = performance.now()
await Promise.all(nodes.map((node) => node.close()))
const closedMs = performance.now() - start
process.on('exit', () => {
  process.stdout.write(JSON.stringify({ closedMs, endedMs: performance.now() - start }))
})
