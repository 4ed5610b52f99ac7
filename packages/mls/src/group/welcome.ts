/** Making a Welcome (RFC 9420 §12.4.3.1): one for all members that a commit adds. */
import type { CipherSuite, RandomSource } from '@dmls/crypto'
import { MlsError } from '../errors.ts'
import { deriveWelcomeSecret } from '../schedule/key-schedule.ts'
import { encryptGroupInfo, encryptGroupSecrets } from '../schedule/welcome-secrets.ts'
import type { StagedPath } from '../tree/staged-path.ts'
import { commonAncestor, leafToNode } from '../tree/tree-math.ts'
import type { GroupInfo } from '../wire/group-info.ts'
import type { MlsMessage } from '../wire/mls-message.ts'
import type { PreSharedKeyId } from '../wire/psk.ts'
import type { AddedMember } from './changes.ts'

export interface WelcomeParts {
  readonly suite: CipherSuite
  readonly added: readonly AddedMember[]
  readonly groupInfo: GroupInfo
  readonly joinerSecret: Uint8Array
  readonly pskSecret: Uint8Array
  /** In the order of the commit. */
  readonly psks: readonly PreSharedKeyId[]
  /** The committer's path, if the commit has one. */
  readonly staged: StagedPath | undefined
  readonly random: RandomSource
}

export async function createWelcome(parts: WelcomeParts): Promise<MlsMessage> {
  const { suite, added, joinerSecret, staged, psks, random } = parts
  const welcomeSecret = deriveWelcomeSecret(suite, joinerSecret, parts.pskSecret)
  const encryptedGroupInfo = encryptGroupInfo(suite, welcomeSecret, parts.groupInfo)
  welcomeSecret.fill(0)
  const secrets = await Promise.all(
    added.map(async ({ keyPackage, keyPackageRef, leafIndex }) => ({
      newMember: keyPackageRef,
      encryptedGroupSecrets: await encryptGroupSecrets(
        suite,
        keyPackage.initKey,
        encryptedGroupInfo,
        { joinerSecret, pathSecret: staged === undefined ? undefined : pathSecretFor(staged, leafIndex), psks },
        random,
      ),
    })),
  )
  return { wireFormat: 'mls_welcome', welcome: { cipherSuite: suite.id, secrets, encryptedGroupInfo } }
}

/** The secret of the lowest node that the committer and the new member share. */
function pathSecretFor(staged: StagedPath, leafIndex: number): Uint8Array {
  const shared = commonAncestor(leafToNode(staged.leafIndex), leafToNode(leafIndex))
  const entry = staged.pathSecrets.find(({ nodeIndex }) => nodeIndex === shared)
  if (entry === undefined) throw new MlsError('internal', 'no_path_secret', 'a new member shares no node with the path')
  return entry.pathSecret
}
