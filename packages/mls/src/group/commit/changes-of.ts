/** The summary of a commit, and the application's say about it. */
import { askApplication } from '../ask-application.ts'
import type { CommitChanges } from '../changes.ts'
import type { Applied } from '../proposals/apply.ts'
import type { CommitReview, GroupPolicy } from '../services.ts'

export function changesOf(applied: Applied, committerLeaf: CommitChanges['committerLeaf']): CommitChanges {
  const { added, removed, updated, extensionsChanged, extensions, psks, reinit, proposals } = applied
  return {
    added,
    removed,
    updated,
    committerLeaf,
    extensions: extensionsChanged ? extensions : undefined,
    extensionsChanged,
    psks,
    reinit,
    proposals,
  }
}

/** @throws MlsError `refused_by_application`, or what the application throws (RFC 9420 §12.2: additional rules) */
export function reviewCommit(policy: GroupPolicy, review: CommitReview): void {
  askApplication(() => policy.reviewCommit(review))
}
