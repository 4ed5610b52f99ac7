/** A random walk of a mixed group: so many operations, each by a member and of a kind that the seed picks. */
import { moves } from './moves.ts'
import { Scene, type WalkOptions } from './scene.ts'

export interface WalkReport {
  readonly seed: number
  readonly operations: number
  readonly epochs: number
  readonly messages: number
  /** Most members at a time. */
  readonly sizeMax: number
  /** Steps not taken since the peer is known to go wrong with them. */
  readonly avoided: number
  /** How often each move was made. */
  readonly made: ReadonlyMap<string, number>
  readonly durationMs: number
}

/** Says with which seed, after which operations. */
export class WalkFailed extends Error {
  override readonly name = 'WalkFailed'
}

const TRACE_LINES = 15

/** @throws WalkFailed at the first disagreement */
export async function walk(options: WalkOptions): Promise<WalkReport> {
  const startedAt = performance.now()
  const scene = await Scene.begin(options)
  const made = new Map<string, number>()
  try {
    for (scene.operation = 1; scene.operation <= options.operations; scene.operation++) {
      await scene.deliver()
      const name = await step(scene)
      made.set(name, (made.get(name) ?? 0) + 1)
    }
    await scene.deliver()
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    const trace = scene.trace.slice(-TRACE_LINES).join('\n  ')
    throw new WalkFailed(`INTEROP_SEED=${options.seed}: ${reason}\nThe last operations:\n  ${trace}`, { cause })
  }
  const { seed, operations } = options
  const { epochs, messages, sizeMax, avoided } = scene
  return { seed, operations, epochs, messages, sizeMax, avoided, made, durationMs: performance.now() - startedAt }
}

/** Makes moves until one is possible. Returns its name. */
async function step(scene: Scene): Promise<string> {
  const total = moves.reduce((sum, move) => sum + move.weight, 0)
  while (true) {
    let at = scene.random.fraction() * total
    const move = moves.find((each) => {
      at -= each.weight
      return at < 0
    })
    if (move !== undefined && (await move.run(scene))) return move.name
  }
}

export function describeReport(report: WalkReport): string {
  const { seed, operations, epochs, messages, sizeMax, avoided, durationMs } = report
  const seconds = (durationMs / 1000).toFixed(1)
  return `seed ${seed}: ${operations} operations, ${epochs} epochs, ${messages} messages, up to ${sizeMax} members, ${avoided} steps avoided, ${seconds} s`
}
