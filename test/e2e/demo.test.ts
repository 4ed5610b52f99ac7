/** The main job as its users start it: one process, its exit status, and the facts that it prints. */
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { startDmls } from './command.ts'

const REMAINING = ['alice', 'bob', 'charlie', 'dave', 'erin', 'grace']
const LIMIT_MS = 60_000

interface Facts {
  readonly ok: boolean
  readonly checks: readonly { readonly claim: string; readonly holds: boolean; readonly finding: string }[]
  readonly members: readonly {
    readonly name: string
    readonly isMember: boolean
    readonly dmlsEpoch: string
    readonly epochAuthenticator?: string
    readonly members: readonly string[]
    readonly openHeads: readonly string[]
    readonly starts: number
  }[]
  readonly messages: readonly { readonly from: string; readonly phase: string; readonly readBy: readonly string[] }[]
  readonly copyMessage: { readonly reached: readonly string[]; readonly readBy: readonly string[] }
  readonly cut: { readonly attempts: number; readonly refused: number; readonly heads: readonly string[] }
  readonly dag: {
    readonly epochs: readonly {
      readonly id: string
      readonly resolves: readonly string[]
      readonly added: readonly string[]
      readonly removed: readonly string[]
    }[]
    readonly head: string
  }
}

async function run(args: readonly string[]): Promise<{ status: number | null; out: string; err: string }> {
  const demo = startDmls(args)
  const status = await demo.ended
  return { status, out: demo.out(), err: demo.err() }
}

describe('dmls demo --json, six processes and a newcomer on real sockets', () => {
  const folder = mkdtempSync(join(tmpdir(), 'dmls-e2e-'))
  let facts: Facts
  let story: string

  beforeAll(async () => {
    const startedAtMs = performance.now()
    const { status, out, err } = await run(['demo', '--json', '--out', folder])
    expect({ status, err: status === 0 ? '' : err }).toEqual({ status: 0, err: '' })
    expect(performance.now() - startedAtMs).toBeLessThan(LIMIT_MS)
    facts = JSON.parse(out) as Facts
    story = err
  }, LIMIT_MS + 30_000)

  const remaining = (): Facts['members'] => facts.members.filter(({ name }) => REMAINING.includes(name))

  test('every check holds', () => {
    expect(facts.checks.filter(({ holds }) => !holds)).toEqual([])
    expect(facts.ok).toBe(true)
  })

  test('all six stand on one epoch with one secret and one list of members', () => {
    expect(
      remaining()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(REMAINING)
    expect(new Set(remaining().map(({ dmlsEpoch }) => dmlsEpoch)).size).toBe(1)
    const authenticators = new Set(remaining().map(({ epochAuthenticator }) => epochAuthenticator))
    expect([...authenticators]).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)])
    for (const { members, openHeads, dmlsEpoch } of remaining()) {
      expect(members).toEqual(REMAINING)
      expect(openHeads).toEqual([dmlsEpoch])
    }
  })

  test('frank is out and knows it', () => {
    expect(facts.members.find(({ name }) => name === 'frank')).toMatchObject({ isMember: false })
  })

  test('the two sides really went different ways, and a commit resolves one of them', () => {
    expect(facts.cut.refused).toBe(facts.cut.attempts)
    expect(new Set(facts.cut.heads).size).toBe(2)
    const resolved = new Set(facts.dag.epochs.flatMap(({ resolves }) => resolves))
    expect(facts.cut.heads.some((head) => resolved.has(head))).toBe(true)
    expect(facts.dag.epochs.some(({ removed }) => removed.includes('frank'))).toBe(true)
    expect(facts.dag.epochs.some(({ added }) => added.includes('grace'))).toBe(true)
  })

  test('what is said after the merge is read by all six, and never by frank', () => {
    const after = facts.messages.filter(({ phase }) => phase === 'after the merge')
    expect(after.map(({ from }) => from).sort()).toEqual(REMAINING)
    for (const { from, readBy } of after) expect([from, ...readBy].sort()).toEqual(REMAINING)
  })

  test('what is said with frank’s old keys reaches all six and is read by nobody', () => {
    expect([...facts.copyMessage.reached].sort()).toEqual(REMAINING)
    expect(facts.copyMessage.readBy).toEqual([])
  })

  test('charlie went on after SIGKILL', () => {
    expect(facts.members.find(({ name }) => name === 'charlie')?.starts).toBe(2)
    expect(story).toContain('SIGKILL')
  })

  test('the picture is drawn, and nothing else is left behind', () => {
    expect(readdirSync(folder)).toEqual(['dag.svg'])
    const svg = readFileSync(join(folder, 'dag.svg'), 'utf8')
    for (const { id } of facts.dag.epochs) expect(svg).toContain(`<title>${id}`)
  })
})

describe('dmls demo --chaos', () => {
  test(
    'killing members at random moments and starting them again never leaves the group stuck',
    async () => {
      const folder = mkdtempSync(join(tmpdir(), 'dmls-chaos-'))
      const seed = String(Date.now() % 100_000)
      const { status, out, err } = await run(['demo', '--json', '--chaos', '8', '--seed', seed, '--out', folder])
      expect({ status, err: status === 0 ? '' : `seed ${seed}\n${err}` }).toEqual({ status: 0, err: '' })
      expect(JSON.parse(out)).toMatchObject({ ok: true, chaosKills: expect.arrayContaining([expect.any(String)]) })
    },
    2 * LIMIT_MS,
  )
})
