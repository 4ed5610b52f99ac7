/** All mistakes that the tests have to notice. */
import type { Mutant } from '../mutant.ts'
import { APPLICATION } from './application.ts'
import { CAPS } from './caps.ts'
import { FORK_CHOICE } from './fork-choice.ts'
import { HANDOVER } from './handover.ts'
import { INTAKE_MUTANTS } from './intake.ts'
import { LIAR_MUTANTS } from './liars.ts'
import { MEMBERSHIP_MUTANTS } from './membership.ts'
import { MLS } from './mls.ts'
import { RECORDS } from './records.ts'
import { RETURNING_MUTANTS } from './returning.ts'
import { SECRETS } from './secrets.ts'
import { STORAGE } from './storage.ts'
import { THEFT } from './theft.ts'
import { WELCOMES } from './welcomes.ts'

export const CATALOGUE: readonly Mutant[] = [
  ...FORK_CHOICE,
  ...MEMBERSHIP_MUTANTS,
  ...HANDOVER,
  ...LIAR_MUTANTS,
  ...RETURNING_MUTANTS,
  ...SECRETS,
  ...CAPS,
  ...STORAGE,
  ...INTAKE_MUTANTS,
  ...WELCOMES,
  ...RECORDS,
  ...MLS,
  ...APPLICATION,
  ...THEFT,
]
