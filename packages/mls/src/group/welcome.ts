/** Making a Welcome (RFC 9420 §12.4.3.1): one for all members that a commit adds. */
import type { CipherSuite, HpkeCiphertext, RandomSource } from '@dmls/crypto'
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
  const pathSecretOf = new Map(staged?.pathSecrets.map(({ nodeIndex, pathSecret }) => [nodeIndex, pathSecret]))
  const ciphertexts = await encryptGroupSecrets(
    suite,
    added.map(({ keyPackage, leafIndex }) => ({
      initKey: keyPackage.initKey,
      groupSecrets: {
        joinerSecret,
        pathSecret: staged && pathSecretFor(staged.leafIndex, pathSecretOf, leafIndex),
        psks,
      },
    })),
    encryptedGroupInfo,
    random,
  )
  const secrets = added.map(({ keyPackageRef: newMember }, i) => ({
    newMember,
    encryptedGroupSecrets: ciphertexts[i] as HpkeCiphertext,
  }))
  return { wireFormat: 'mls_welcome', welcome: { cipherSuite: suite.id, secrets, encryptedGroupInfo } }
}

/** The secret of the lowest node that the committer and the new member share. */
function pathSecretFor(
  committer: number,
  pathSecretOf: ReadonlyMap<number, Uint8Array>,
  leafIndex: number,
): Uint8Array {
  const pathSecret = pathSecretOf.get(commonAncestor(leafToNode(committer), leafToNode(leafIndex)))
  if (pathSecret !== undefined) return pathSecret
  throw new MlsError('internal', 'no_path_secret', 'a new member shares no node with the path')
}
