/** A told history as an SVG document, by the renderer that `dmls dag --svg` uses. */
import { renderSvg } from '@dmls/cli'
import type { Picture } from './tales.ts'

/** From the root of the workspace. */
export const PICTURES_FOLDER = 'docs/pictures'

export function drawPicture({ tale, among, title, subtitle }: Picture): Promise<string> {
  return renderSvg(tale.draw(among), { title, subtitle })
}
