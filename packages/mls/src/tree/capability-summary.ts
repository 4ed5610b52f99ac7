/**
 * What all members of a subtree support, kept per node, so that "does everybody support X" (RFC 9420 §7.3, §11.1, §12.2)
 * reads one object instead of every leaf. Summaries of equal content share one object.
 */
import { credentialTypeOf } from '../wire/credential.ts'
import type { LeafNode } from '../wire/leaf-node.ts'

/** Each list is strictly increasing. */
export interface CapabilitySummary {
  /** What every member of the subtree lists in its capabilities. */
  readonly versions: readonly number[]
  readonly cipherSuites: readonly number[]
  readonly extensions: readonly number[]
  readonly proposals: readonly number[]
  readonly credentials: readonly number[]
  /** The types of credential that at least one member of the subtree presents. */
  readonly credentialTypesInUse: readonly number[]
}

/** The summary of one leaf. */
export function summarizeLeaf(leaf: LeafNode): CapabilitySummary {
  const { versions, cipherSuites, extensions, proposals, credentials } = leaf.capabilities
  return {
    versions: ordered(versions),
    cipherSuites: ordered(cipherSuites),
    extensions: ordered(extensions),
    proposals: ordered(proposals),
    credentials: ordered(credentials),
    credentialTypesInUse: [credentialTypeOf(leaf.credential)],
  }
}

/** The summary of two neighbouring subtrees together; one of the two objects where that says it all. */
export function mergeSummaries(a: CapabilitySummary, b: CapabilitySummary): CapabilitySummary {
  if (a === b || sameLists(a, b)) return a
  const merged: CapabilitySummary = {
    versions: intersect(a.versions, b.versions),
    cipherSuites: intersect(a.cipherSuites, b.cipherSuites),
    extensions: intersect(a.extensions, b.extensions),
    proposals: intersect(a.proposals, b.proposals),
    credentials: intersect(a.credentials, b.credentials),
    credentialTypesInUse: unite(a.credentialTypesInUse, b.credentialTypesInUse),
  }
  if (sameLists(merged, a)) return a
  return sameLists(merged, b) ? b : merged
}

/** The first of `wanted` that is not in a strictly increasing list, or undefined. */
export function firstMissing(wanted: Iterable<number>, list: readonly number[]): number | undefined {
  for (const value of wanted) if (!contains(list, value)) return value
  return undefined
}

/** Binary search in a strictly increasing list. */
export function contains(list: readonly number[], value: number): boolean {
  return list[lowerBound(list, value)] === value
}

/** Where the first element that is not below `value` stands in an increasing list. */
export function lowerBound(list: readonly number[], value: number, from = 0, to: number = list.length): number {
  let low = from
  let high = to
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((list[middle] as number) < value) low = middle + 1
    else high = middle
  }
  return low
}

function ordered(values: readonly number[]): readonly number[] {
  for (let i = 1; i < values.length; i++) {
    if ((values[i - 1] as number) >= (values[i] as number)) return [...new Set(values)].sort((a, b) => a - b)
  }
  return values
}

function sameList(a: readonly number[], b: readonly number[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function sameLists(a: CapabilitySummary, b: CapabilitySummary): boolean {
  return (
    sameList(a.versions, b.versions) &&
    sameList(a.cipherSuites, b.cipherSuites) &&
    sameList(a.extensions, b.extensions) &&
    sameList(a.proposals, b.proposals) &&
    sameList(a.credentials, b.credentials) &&
    sameList(a.credentialTypesInUse, b.credentialTypesInUse)
  )
}

function intersect(a: readonly number[], b: readonly number[]): readonly number[] {
  if (sameList(a, b)) return a
  return a.filter((value) => contains(b, value))
}

function unite(a: readonly number[], b: readonly number[]): readonly number[] {
  if (sameList(a, b)) return a
  return [...new Set([...a, ...b])].sort((x, y) => x - y)
}
