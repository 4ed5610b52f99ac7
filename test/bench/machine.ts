/** What the numbers were measured on. */
import { availableParallelism, cpus, loadavg } from 'node:os'

export interface Machine {
  readonly node: string
  readonly openssl: string
  readonly cpu: string
  readonly threads: number
  /** Processes that wanted to run in the last minute: above `threads`, others were at work as well. */
  readonly load: string
}

export function describeMachine(): Machine {
  return {
    node: process.version,
    openssl: process.versions.openssl,
    cpu: cpus()[0]?.model ?? '',
    threads: availableParallelism(),
    load: (loadavg()[0] ?? 0).toFixed(1),
  }
}
