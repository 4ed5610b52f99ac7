/** `pnpm pictures`: draws the pictures of the documentation into `docs/pictures`. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readCommandLine } from '../command-line.ts'
import { drawPicture, PICTURES_FOLDER } from './draw.ts'
import { PICTURES } from './tales.ts'

readCommandLine('pnpm pictures: draws the pictures of the documentation into docs/pictures. Takes no options.\n', {})

const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const folder = join(ROOT, PICTURES_FOLDER)

mkdirSync(folder, { recursive: true })
for (const picture of PICTURES) writeFileSync(join(folder, `${picture.name}.svg`), await drawPicture(picture))
process.stdout.write(`${PICTURES.length} pictures drawn in ${PICTURES_FOLDER}\n`)
