/** Following a Welcome of a group that one is in already: what is taken from then on, and what is overwritten. */
import type { Step } from '@dmls/dmls'
import { afterEach, expect, test, vi } from 'vitest'
import { RunningState } from '../src/group/running-state.ts'
import { carry, createHandPerson, type HandPerson, handGroup, handPair, onlyGroup, say, told } from './by-hand.ts'
import { isWelcome, type Published } from './hand-delivery.ts'

const open: HandPerson[] = []

afterEach(async () => {
  vi.restoreAllMocks()
  await told(...open.splice(0))
})

test('what seemed to be from before her time is read once erin is where it was said', async () => {
  const people = await Promise.all(Array.from({ length: 4 }, () => createHandPerson()))
  const [alice, carol, dora, erin] = people as [HandPerson, HandPerson, HandPerson, HandPerson]
  open.push(...people)
  await handGroup(alice, carol, dora)
  // dora stands with carol; alice is alone, further on, and invites erin there
  await onlyGroup(carol).update()
  await carry(carol, dora)
  await say(dora, 'with carol')
  await carry(dora, carol)
  await onlyGroup(alice).update()
  await onlyGroup(alice).update()
  await onlyGroup(alice).add([await erin.client.createKeyPackage()])
  await carry(alice, carol, erin)
  // carol merges, at a number that is before erin's beginning, and what she says there comes first
  await onlyGroup(carol).update()
  const merged = carol.delivery.take()
  expect(merged.some(isWelcome)).toBe(true)
  expect(onlyGroup(carol).epoch).toBeLessThan(onlyGroup(erin).epoch)
  await say(carol, 'over here')
  const [text] = carol.delivery.take() as [Published]
  expect(await erin.delivery.hand(text)).toBe('ignore')
  expect(await erin.delivery.served(text.topic)).not.toContainEqual(text.message)

  for (const each of merged) await erin.delivery.hand(each)
  expect(onlyGroup(erin).head).toBe(onlyGroup(carol).head)
  expect(await erin.delivery.hand(text)).toBe('accept')
  await told(erin)
  expect(erin.texts).toEqual(['over here'])
})

test('what only the state before a return held is overwritten, once the return is written', async () => {
  const [alice, bob] = await handPair()
  open.push(alice, bob)
  const order: string[] = []
  const { applyWithKey } = RunningState.prototype
  vi.spyOn(RunningState.prototype, 'applyWithKey').mockImplementation(async function (
    this: RunningState,
    step,
    ...rest
  ) {
    vi.spyOn(step as Step & { wipe(): void }, 'wipe').mockImplementation(() => void order.push('wiped'))
    await applyWithKey.call(this, step, ...rest)
    order.push('written')
  })
  await onlyGroup(alice).remove([bob.client.identity])
  await carry(alice, bob)
  await onlyGroup(alice).add([await bob.client.createKeyPackage()])
  await carry(alice, bob)
  expect(onlyGroup(bob).isMember).toBe(true)
  expect(order).toEqual(['written', 'wiped'])
})
