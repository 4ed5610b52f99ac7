/** Times and their spread. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

export interface Spread {
  readonly median: number
  /** The tenth and the ninetieth percentile. */
  readonly low: number
  readonly high: number
  readonly samples: number
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5)
}

function quantile(samples: readonly number[], fraction: number): number {
  const sorted = [...samples].sort((a, b) => a - b)
  const at = (sorted.length - 1) * fraction
  const [below, above] = [sorted[Math.floor(at)] as number, sorted[Math.ceil(at)] as number]
  return below + (above - below) * (at - Math.floor(at))
}

export function spreadOf(samples: readonly number[]): Spread {
  return {
    median: median(samples),
    low: quantile(samples, 0.1),
    high: quantile(samples, 0.9),
    samples: samples.length,
  }
}

/** Milliseconds that an operation takes, and what it gives. */
export async function timed<T>(operation: () => T | Promise<T>): Promise<{ readonly ms: number; readonly value: T }> {
  const start = process.hrtime.bigint()
  const value = await operation()
  return { ms: Number(process.hrtime.bigint() - start) / 1e6, value }
}

/** Node hands out its collector only to those who ask for it when it starts, or like this. */
function exposedCollector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

const collect = globalThis.gc ?? exposedCollector()

/** The garbage of what came before is not the next operation's. */
export function collectGarbage(): void {
  collect()
}
