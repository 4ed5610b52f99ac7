/** Names of topics: a hash of a label and a name, so that a topic tells nobody whom or what it is for. */
import { utf8 } from '@dmls/crypto'
import { Writer } from '@dmls/mls'
import type { Topic } from './ports.ts'
import type { MessageDigest } from './topic-log.ts'

function topicName(digest: MessageDigest, label: string, name: Uint8Array): Topic {
  return digest(
    new Writer()
      .opaque(utf8(`DMLS 1.0 ${label}`))
      .opaque(name)
      .finish(),
  )
}

/** Where the messages of a group are; 32 bytes. */
export function groupTopic(digest: MessageDigest, groupId: Uint8Array): Topic {
  return topicName(digest, 'Group', groupId)
}

/** Where somebody receives Welcomes; 32 bytes. */
export function inboxTopic(digest: MessageDigest, identity: Uint8Array): Topic {
  return topicName(digest, 'Inbox', identity)
}

/** Where somebody offers key packages; 32 bytes. */
export function keyPackageTopic(digest: MessageDigest, identity: Uint8Array): Topic {
  return topicName(digest, 'KeyPackages', identity)
}
