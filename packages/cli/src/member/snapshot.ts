/** What a member reports of itself: its group and its epoch DAG as plain data. */
import type { DmlsGroup } from '@dmls/client'
import { toHex } from '@dmls/crypto'
import type { InstanceId } from '@dmls/dmls'
import type { EpochReport, GroupState, HistoryReport } from './protocol.ts'

export function groupState(group: DmlsGroup): GroupState {
  const { isMember } = group
  return {
    groupId: toHex(group.id),
    dmlsEpoch: group.head,
    epoch: Number(group.epoch),
    isMember,
    ...(isMember ? { epochAuthenticator: toHex(group.epochAuthenticator()) } : {}),
    members: group.members().map(({ identity, instance, leafIndex }) => ({
      identity: toHex(identity),
      instance,
      leafIndex,
    })),
    openHeads: group.openHeads(),
  }
}

export function historyReport(group: DmlsGroup): HistoryReport {
  const dag = group.dag()
  const facts = [...dag.epochs()]
  const identities = new Map<InstanceId, string>()
  for (const { adds, roster = [] } of facts) {
    for (const { instance, identity } of [...roster, ...adds]) identities.set(instance, identity)
  }
  const identityOf = (instance: InstanceId): string => identities.get(instance) ?? instance
  const epochs = facts.map(
    (epoch): EpochReport => ({
      id: epoch.id,
      ...(epoch.parent === undefined ? {} : { parent: epoch.parent }),
      epoch: Number(epoch.epoch),
      ...committer(epoch, identityOf),
      resolves: epoch.resolves.map(({ head }) => head),
      added: epoch.adds.map(({ identity }) => identity),
      removed: epoch.removes.map(identityOf),
      settingsChanged: epoch.parent !== undefined && epoch.settings !== undefined,
    }),
  )
  return { epochs, head: group.head, openHeads: group.openHeads() }
}

type Facts = ReturnType<ReturnType<DmlsGroup['dag']>['epochs']> extends Iterable<infer F> ? F : never

/** A group's founder is the only member of its first epoch. */
function committer(
  { committer: instance, epoch, roster = [] }: Facts,
  identityOf: (instance: InstanceId) => string,
): { readonly committer?: string } {
  if (instance !== undefined) return { committer: identityOf(instance) }
  const [founder] = roster
  return epoch === 0n && roster.length === 1 && founder !== undefined ? { committer: founder.identity } : {}
}
