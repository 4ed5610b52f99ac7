/** The process of a lane: `lane.ts` asks it. Argument: the name of the library. */
import { libraries } from '../libraries/index.ts'
import type { BenchLibrary } from '../libraries/library.ts'
import { collectGarbage } from '../sampling.ts'
import type { Answer, Request } from './lane.ts'
import { beginSection, type Section } from './section.ts'

const library = libraries('all').find(({ name }) => name === process.argv[2])
if (library === undefined) throw new Error('no such library')
const answer = answering(library)

process.on('message', (request) => {
  answer(request as Request).then(
    (results) => process.send?.(results),
    (error: unknown) =>
      process.send?.({ fault: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  )
})

function answering(own: BenchLibrary): (request: Request) => Promise<Answer> {
  let section: Section | undefined
  return async (request) => {
    if (request.kind === 'begin') {
      section = await beginSection(own, request.plan)
      return { results: [] }
    }
    if (section === undefined) throw new Error('no section has begun')
    if (request.kind === 'round') {
      collectGarbage()
      await section.round(request.kept)
      return { results: [] }
    }
    const results = section.results()
    section = undefined
    return { results }
  }
}
