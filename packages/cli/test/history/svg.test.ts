import { describe, expect, test } from 'vitest'
import { renderSvg } from '../../src/history/svg.ts'
import { CROSSED, epoch, FORKED, MERGED, STRAIGHT } from './histories.ts'

describe('the epoch DAG as a picture', () => {
  test.each([
    ['straight', STRAIGHT],
    ['forked', FORKED],
    ['merged', MERGED],
    ['crossed', CROSSED],
  ])('a %s history is drawn as it was looked at and found good', async (name, history) => {
    const svg = await renderSvg(history, { title: `A ${name} history`, subtitle: 'for the tests' })
    await expect(svg).toMatchFileSnapshot(`golden/${name}.svg`)
  })

  test('every epoch has a card, every edge a line, and heads that are resolved a dotted one', async () => {
    const svg = await renderSvg(CROSSED, { title: 'crossing merges' })
    for (const { id } of CROSSED.epochs) expect(svg).toContain(`<title>${id}`)
    const drawing = svg.slice(0, svg.indexOf('chosen branch'))
    expect(drawing.match(/<path class="commit"/g)).toHaveLength(6)
    expect(drawing.match(/<path class="resolves"/g)).toHaveLength(4)
  })

  test('names are text, not markup', async () => {
    const history = { epochs: [epoch('aa', undefined, 0, '<script>"&')], head: 'aa', openHeads: ['aa'] }
    const svg = await renderSvg(history, { title: '<b>' })
    expect(svg).toContain('&lt;script&gt;&quot;&amp;')
    expect(svg).not.toContain('<script>')
    expect(svg).not.toContain('<b>')
  })

  test('a long list of names is cut and counted', async () => {
    const added = Array.from({ length: 40 }, (_, index) => `member${index}`)
    const history = {
      epochs: [epoch('aa', undefined, 0, 'alice'), epoch('bb', 'aa', 1, 'alice', { added })],
      head: 'bb',
      openHeads: ['bb'],
    }
    expect(await renderSvg(history, { title: 'many' })).toContain('… 32 more')
  })
})
