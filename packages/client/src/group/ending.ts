/**
 * The end of a group on this client: which records are the group's, so that all of them go in one batch. Welcomes on
 * their way to people whom we invited are theirs, and stay until those are past their time.
 */
import type { ClientContext } from '../context.ts'
import type { StoreOperation } from '../ports.ts'
import { groupListKey, groupPrefix, topicPrefix } from '../store-keys.ts'
import { groupTopic } from '../topic-names.ts'

/** What to write so that nothing of the group is stored: its own records, the log of its topic, its place in the list. */
export async function deletionOf(
  { store, digest }: Pick<ClientContext, 'store' | 'digest'>,
  groupId: Uint8Array,
): Promise<readonly StoreOperation[]> {
  const operations: StoreOperation[] = [{ type: 'delete', key: groupListKey(groupId) }]
  for (const prefix of [groupPrefix(groupId), topicPrefix(groupTopic(digest, groupId))]) {
    for await (const key of store.keys({ prefix })) operations.push({ type: 'delete', key })
  }
  return operations
}
