/** The retention part of the `dmls_policy` extension. Bounded: rules do not nest deeper than {@link RULE_DEPTH_MAX}. */
import { invalid, malformed, type Reader, type Writer } from '@dmls/mls'
import type { RetentionPolicy, RetentionRule } from '../retention/retention-policy.ts'

const RULE_DEPTH_MAX = 4

function writeRule(writer: Writer, rule: RetentionRule): void {
  switch (rule.kind) {
    case 'all-members':
      writer.uint8(1)
      return
    case 'quorum':
      writer.uint8(2).uint32(rule.numerator).uint32(rule.denominator)
      return
    case 'depth':
      writer.uint8(3).uint32(rule.epochs)
      return
    case 'age':
      writer.uint8(4).uint64(BigInt(rule.ageMs))
      return
    case 'any':
      writer.uint8(5).vector(rule.rules, writeRule)
      return
    case 'all':
      writer.uint8(6).vector(rule.rules, writeRule)
  }
}

function readRule(reader: Reader, depth: number): RetentionRule {
  const kind = reader.uint8()
  switch (kind) {
    case 1:
      return { kind: 'all-members' }
    case 2:
      return { kind: 'quorum', numerator: reader.uint32(), denominator: readCount(reader) }
    case 3:
      return { kind: 'depth', epochs: reader.uint32() }
    case 4:
      return { kind: 'age', ageMs: readSafeInteger(reader) }
    case 5:
    case 6: {
      if (depth === RULE_DEPTH_MAX) throw malformed('bad_retention_rule', 'retention rules nest too deeply')
      const rules = reader.vector((r) => readRule(r, depth + 1))
      return { kind: kind === 5 ? 'any' : 'all', rules }
    }
    default:
      throw invalid('unsupported_policy', 'the group has a retention rule that this version does not know')
  }
}

/** What there is at least one of: a share of nothing, and a group without an epoch, have no meaning. */
function readCount(reader: Reader): number {
  const count = reader.uint32()
  if (count === 0) throw malformed('bad_retention_rule', 'a retention limit is zero')
  return count
}

function readSafeInteger(reader: Reader): number {
  const value = reader.uint64()
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('bad_retention_rule', 'a retention limit is too large')
  return Number(value)
}

export function writeRetentionPolicy(writer: Writer, policy: RetentionPolicy): void {
  writeRule(writer, policy.retained)
  writeRule(writer, policy.readable)
  writer.uint32(policy.epochsMax).uint64(BigInt(policy.sizeMaxBytes))
}

/** @throws MlsError `invalid`/`unsupported_policy`; `malformed`/`bad_retention_rule` */
export function readRetentionPolicy(reader: Reader): RetentionPolicy {
  return {
    retained: readRule(reader, 1),
    readable: readRule(reader, 1),
    epochsMax: readCount(reader),
    sizeMaxBytes: readSafeInteger(reader),
  }
}
