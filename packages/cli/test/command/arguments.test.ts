import { mkdirSync, mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runDmls } from '../../src/run.ts'
import { fakeIo } from '../fake-io.ts'

async function run(...args: readonly string[]): Promise<{ status: number; out: string; err: string }> {
  const io = fakeIo()
  const status = await runDmls(args, io)
  return { status, out: io.out(), err: io.err() }
}

const EMPTY: string = mkdtempSync(join(tmpdir(), 'dmls-cli-'))

describe('a mistake of the user is one clear line and a status that is not zero', () => {
  test.each([
    [['demmo'], 'dmls: there is no command "demmo"; did you mean demo?'],
    [['frobnicate'], 'dmls: there is no command "frobnicate"; see: dmls --help'],
    [['--jsn'], 'dmls: dmls has no option --jsn; see: dmls --help'],
    [['demo', '--jsno'], 'dmls: dmls demo has no option --jsno; did you mean --json?'],
    [['demo', '--frobnicate'], 'dmls: dmls demo has no option --frobnicate; see: dmls demo --help'],
    [['demo', '-q'], 'dmls: dmls demo has no option -q; see: dmls demo --help'],
    [['demo', 'now'], 'dmls: dmls demo does not know what to do with "now"; see: dmls demo --help'],
    [['demo', '--seed'], 'dmls: --seed needs a value; see: dmls demo --help'],
    [['demo', '--json=yes'], 'dmls: --json takes no value; see: dmls demo --help'],
    [['demo', '--seed', 'x'], 'dmls: --seed wants a whole number from 0 to 4294967295, not "x"'],
    [['demo', '--seed', '4294967296'], 'dmls: --seed wants a whole number from 0 to 4294967295, not "4294967296"'],
    [['demo', '--chaos=-1'], 'dmls: --chaos wants a whole number from 0 to 1000, not "-1"'],
    [['demo', '--chaos', '1.5'], 'dmls: --chaos wants a whole number from 0 to 1000, not "1.5"'],
    [['demo', '--out', ''], 'dmls: dmls demo needs --out'],
    [['member'], 'dmls: dmls member needs --store'],
    [['member', '--store='], 'dmls: dmls member needs --store'],
    [['dag'], 'dmls: dmls dag needs --store'],
    [['dag', '--store', EMPTY, '--last', '0'], 'dmls: --last wants a whole number from 1 to 1000000, not "0"'],
    [
      ['dag', '--store', EMPTY, '--name', 'bob'],
      'dmls: --name wants the beginning of an identity and a name, ID=NAME, not "bob"',
    ],
    [['help', 'nothing'], 'dmls: there is no command "nothing"; see: dmls --help'],
  ])('dmls %j', async (args, line) => {
    expect(await run(...args)).toEqual({ status: 2, out: '', err: `${line}\n` })
  })

  test('a place where no folder can be is named', async () => {
    const file = join(EMPTY, 'file')
    writeFileSync(file, '')
    expect(await run('demo', '--out', join(file, 'out'))).toEqual({
      status: 1,
      out: '',
      err: `dmls: ${join(file, 'out')}: a part of the path is not a folder\n`,
    })
    expect(await run('member', '--store', file)).toMatchObject({
      err: `dmls: ${file}: there is something else at that place\n`,
    })
  })

  // Node tries for ever to make a folder in /proc.
  test.runIf(process.platform === 'linux').each([
    [['demo', '--out', '/proc/x'], '/proc/x'],
    [['demo', '--out', '/proc/x/y'], '/proc/x'],
    [['member', '--store', '/proc/x'], '/proc/x'],
    [['chat', '--store', '/proc/x'], '/proc/x'],
  ])('a folder that takes no folders is named: %j', async (args, folder) => {
    expect(await run(...args)).toEqual({ status: 1, out: '', err: `dmls: ${folder}: no folder can be made there\n` })
  })

  test('stores are not kept where somebody else keeps something', async () => {
    const out = mkdtempSync(join(tmpdir(), 'dmls-keep-'))
    mkdirSync(join(out, 'stores'))
    writeFileSync(join(out, 'stores', 'precious'), '')
    const { status, err } = await run('demo', '--keep', '--out', out)
    expect({ status, err }).toEqual({
      status: 1,
      err: `dmls: ${join(out, 'stores')}: there is something in it that is not of an earlier demonstration\n`,
    })
    expect(readdirSync(join(out, 'stores'))).toEqual(['precious'])
  })

  test('a folder without a store is refused and stays as it is', async () => {
    const { status, err } = await run('dag', '--store', EMPTY)
    expect({ status, err }).toEqual({ status: 1, err: `dmls: there is no store in ${join(EMPTY, 'store')}\n` })
  })
})

describe('help', () => {
  test.each([[[]], [['--help']], [['-h']], [['help']]])('dmls %j lists every command', async (args) => {
    const { status, out } = await run(...args)
    expect(status).toBe(0)
    for (const name of ['demo', 'chat', 'dag', 'member']) expect(out).toContain(`\n  ${name}`)
  })

  test.each(['demo', 'chat', 'dag', 'member'])('dmls %s --help explains every option', async (name) => {
    const { status, out } = await run(name, '--help')
    expect(status).toBe(0)
    expect(out).toMatch(new RegExp(`^usage: dmls ${name} `))
    expect(out).toContain('--help')
    for (const line of out.split('\n').filter((each) => each.startsWith('  --'))) expect(line).toMatch(/\S {2,}\S/)
    expect(await run('help', name)).toEqual({ status: 0, out, err: '' })
  })

  test('help is given whatever stands before it', async () => {
    expect((await run('demo', '--frobnicate', '--help')).status).toBe(0)
  })

  test('the version is one line', async () => {
    expect((await run('--version')).out).toMatch(/^dmls \d+\.\d+\.\d+\n$/)
  })
})
