/** Everything that is fuzzed. */
import { createDmlsProfile, DEFAULT_GROUP_POLICY, policyExtension } from '@dmls/dmls'
import { mlsProfile } from '@dmls/mls'
import type { Target } from '../engine/target.ts'
import { suiteOf } from '../world/scene.ts'
import { clients, stores } from './clients.ts'
import { decoders } from './decoders.ts'
import { dmlsGroup } from './dmls-group.ts'
import { groupInfos, welcomes } from './joining.ts'
import { keyPackages } from './key-packages.ts'
import { processTarget } from './process.ts'
import { states, treeRecordsTarget } from './stored.ts'
import { trees } from './trees.ts'

/** External commits are one more way in. */
const openPolicy = policyExtension({ ...DEFAULT_GROUP_POLICY, externalCommits: 'allowed' })

export const targets: readonly Target[] = [
  decoders,
  keyPackages,
  trees,
  welcomes,
  groupInfos,
  states,
  treeRecordsTarget,
  processTarget('process-mls', () => ({ profile: mlsProfile, suite: suiteOf(1) })),
  processTarget('process-ecdsa', () => ({ profile: mlsProfile, suite: suiteOf(2) })),
  processTarget('process-dmls', () => ({ profile: createDmlsProfile(), suite: suiteOf(1), extensions: [openPolicy] })),
  dmlsGroup,
  clients,
  stores,
]
