/** One section of a run for one library: what is prepared once, and what happens in each round. */
import type { BenchLibrary } from '../libraries/library.ts'
import type { Result } from '../results.ts'
import { type BarePlan, bareSection } from '../rows/bare.ts'
import { type GrowthPlan, growthSection, type WarmPlan, warmSection } from '../rows/warm.ts'

export type Plan =
  | ({ readonly section: 'warm' } & WarmPlan)
  | ({ readonly section: 'bare' } & BarePlan)
  | ({ readonly section: 'growth' } & GrowthPlan)

export interface Section {
  /** Measures once; a round to warm up is not kept. */
  round(kept: boolean): Promise<void>
  results(): readonly Result[]
}

export function beginSection(library: BenchLibrary, plan: Plan): Promise<Section> {
  switch (plan.section) {
    case 'warm':
      return warmSection(library, plan)
    case 'bare':
      return bareSection(library, plan)
    case 'growth':
      return growthSection(library, plan)
  }
}
