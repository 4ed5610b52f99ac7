/** The pictures of the documentation are what the renderer draws now, and what the text says of them is so. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { drawPicture, PICTURES_FOLDER } from './draw.ts'
import { Tale } from './tale.ts'
import {
  absorbed,
  bobInvites,
  bothSides,
  crossing,
  group,
  healed,
  invitations,
  lateChild,
  lateResolved,
  merged,
  merging,
  newcomer,
  PICTURES,
  support,
  twoCommits,
  uncrossed,
  voidAbsorbed,
  voidAdditions,
} from './tales.ts'

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const FOUNDERS = ['alice', 'bob', 'charlie', 'dave']

describe('the pictures', () => {
  test.each(PICTURES.map((picture) => [`${picture.name}.svg`, picture] as const))(
    '%s is up to date (if not: pnpm pictures)',
    async (name, picture) => {
      const drawn = readFileSync(join(ROOT, PICTURES_FOLDER, name), 'utf8')
      expect(await drawPicture(picture)).toBe(drawn)
    },
  )

  test('are all there, all shown, and no others', () => {
    const names = PICTURES.map(({ name }) => `${name}.svg`).sort()
    expect(readdirSync(join(ROOT, PICTURES_FOLDER)).sort()).toEqual(names)
    const text = readFileSync(join(ROOT, 'docs/forks.md'), 'utf8')
    const shown = [...text.matchAll(/!\[[^\]]+\]\(pictures\/([^)]+)\)/g)].map((match) => match[1] as string)
    expect(shown.sort()).toEqual(names)
  })

  test('stand in a text whose links lead somewhere', () => {
    const text = readFileSync(join(ROOT, 'docs/forks.md'), 'utf8')
    const links = [...text.matchAll(/\]\(([^)#]+)\)/g)].map((match) => match[1] as string)
    expect(links.filter((link) => !existsSync(join(ROOT, 'docs', link)))).toEqual([])
  })
})

describe('what the text says of them', () => {
  test('two commits are two heads, and nothing has to be done about it', () => {
    expect(twoCommits.openHeads()).toEqual(['a2', 'b1'])
    expect(twoCommits.head()).toBe('b1')
    expect(twoCommits.plan()).toEqual({ base: 'b1', add: [], remove: [] })
  })

  test('two voices win against one, however long its branch is', () => {
    expect(support.head()).toBe('c1')
    expect(support.commit('alice', 'a4', 'a5').head()).toBe('c1')
    expect(support.say('dave', 'a4').say('bob', 'a4').head()).toBe('a4')
  })

  test('an ordinary commit absorbs a fork that leaves nothing to do', () => {
    expect(support.plan()).toEqual({ base: 'c1', add: [], remove: [] })
    expect(absorbed.openHeads()).toEqual(['d1'])
    expect(absorbed.members()).toEqual([...FOUNDERS, 'erin', 'frank'])
  })

  test('a merge brings over what the other side did', () => {
    expect(bothSides.plan()).toEqual({ base: 'c1', add: ['erin'], remove: [] })
    expect(merged.openHeads()).toEqual(['c2'])
    expect(merged.roster('c2')).toEqual(['alice', 'charlie', 'dave', 'erin'])
    expect(merged.members()).toEqual(merged.roster('c2'))
  })

  test('on the other base it would have removed bob, with the same members', () => {
    const turned = bothSides.say('bob', 'a2').say('dave', 'a2').say('charlie', 'a2')
    expect(turned.plan()).toEqual({ base: 'a2', add: [], remove: ['bob'] })
    expect(turned.members()).toEqual(merged.members())
  })

  test('whom somebody adds beside its own removal is out, and whom that one adds', () => {
    expect(voidAdditions.plan()).toEqual({ base: 'c1', add: [], remove: [] })
    expect(voidAdditions.members()).toEqual(['alice', 'charlie', 'dave'])
    expect(voidAbsorbed.roster('c2')).toEqual(['alice', 'charlie', 'dave'])
  })

  test('had alice seen the addition, it would stand; so it does when charlie invites frank too', () => {
    const seen = bobInvites.commit('alice', 'b1', 'a2', { remove: ['bob'] })
    expect(seen.members()).toEqual(['alice', 'charlie', 'dave', 'frank'])
    const both = voidAdditions.commit('charlie', 'a1', 'c2', { add: ['frank'] })
    expect(both.members()).toContain('frank')
  })

  test('the other cases end as the table says', () => {
    const duel = group.commit('alice', 'a1', 'a2', { remove: ['bob'] }).commit('bob', 'a1', 'b1', { remove: ['alice'] })
    expect(duel.members()).toEqual(['charlie', 'dave'])
    const ring = Tale.ofGroup('bob', 'charlie')
      .commit('alice', 'a1', 'a2', { remove: ['bob'] })
      .commit('bob', 'a1', 'b1', { remove: ['charlie'] })
      .commit('charlie', 'a1', 'c1', { remove: ['alice'] })
    expect(ring.members()).toEqual([])
    expect(ring.plan()).toBeUndefined()
    const again = group.commit('alice', 'a1', 'a2', { remove: ['bob'] }).commit('dave', 'a1', 'd1', { add: ['bob/2'] })
    expect(again.members()).toEqual(['alice', 'bob/2', 'charlie', 'dave'])
    const twice = Tale.ofGroup('bob')
      .commit('alice', 'a1', 'a2', { add: ['dave/1'] })
      .commit('bob', 'a1', 'b1', { add: ['dave/2'] })
    expect(twice.members()).toEqual(['alice', 'bob', 'dave/1'])
    const devices = Tale.ofGroup('bob')
      .commit('alice', 'a1', 'a2', { add: ['dave/phone'] })
      .commit('bob', 'a2', 'b1', { add: ['dave/laptop'] })
    expect(devices.members()).toEqual(['alice', 'bob', 'dave/laptop', 'dave/phone'])
  })

  test('a fresh key that lost comes again', () => {
    expect(merging.needsHealing('bob')).toBe(true)
    expect(merging.needsHealing('charlie')).toBe(false)
    expect(healed.head()).toBe('b2')
    expect(healed.needsHealing('bob')).toBe(false)
  })

  test('a late child of a resolved head opens the fork again, and is resolved in its turn', () => {
    expect(lateChild.openHeads()).toEqual(['c1', 'd2'])
    expect(lateChild.plan()).toEqual({ base: 'd2', add: ['erin'], remove: [] })
    expect(lateResolved.openHeads()).toEqual(['a3'])
    expect(lateResolved.roster('a3')).toEqual([...FOUNDERS, 'erin'])
  })

  test('merges cross because two members heard different voices, and end with the same members', () => {
    expect(invitations.say('charlie', 'a2').plan()?.base).toBe('a2')
    expect(invitations.say('dave', 'b1').plan()?.base).toBe('b1')
    expect(crossing.roster('a3')).toEqual(crossing.roster('b2'))
    expect(crossing.plan()).toEqual({ base: crossing.head(), add: [], remove: [] })
    expect(uncrossed.openHeads()).toEqual(['c1'])
  })

  test('a newcomer sees two beginnings and lives under the second', () => {
    expect(newcomer.dag.roots()).toEqual(['a2', 'c2'])
    expect(newcomer.draw(PICTURES.at(-1)?.among).head).toBe('e1')
  })
})
