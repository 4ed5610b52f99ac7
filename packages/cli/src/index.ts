/** `@dmls/cli`: the `dmls` command, and the pictures of epoch histories that it draws. */
export { describeChanges, type EpochHistory, type EpochRecord, shortId } from './history/history.ts'
export { nameEveryone } from './history/naming.ts'
export { type PictureOptions, renderSvg } from './history/svg.ts'
export { renderText } from './history/text.ts'
export type { Io, Output } from './io.ts'
export { runDmls } from './run.ts'
export { type Style, styleFor } from './terminal-style.ts'
