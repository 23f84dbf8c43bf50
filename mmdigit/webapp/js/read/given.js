// What somebody has given to read: digits on the pad, pictures, one sound. It stays while other views are shown, until
// the tab is closed.

import { digitPicture } from "../ink/drawing.js"
import { groupStrokes } from "../ink/grouping.js"

/** strokes: of the pad. pictures: [{blob, source}], source "upload", "paste" or "camera". sound: a Blob or null. */
export const given = { strokes: [], pictures: [], sound: null }

const drawn = new Map() // the picture of each digit on the pad, by its first stroke: [strokes, points, promise of the Blob]

/** The digits to read, in order: [{source, strokes, picture}]; picture is a promise of a Blob. Those on the pad come first. */
export function digits() {
  const groups = groupStrokes(given.strokes)
  for (const first of drawn.keys()) if (!groups.some((group) => group[0] === first)) drawn.delete(first)
  return [
    ...groups.map((strokes) => ({ source: "pad", strokes, picture: pictureOf(strokes) })),
    ...given.pictures.map((picture) => ({ source: picture.source, entry: picture, picture: Promise.resolve(picture.blob) })),
  ]
}

/** Whether there is nothing to read. */
export const isEmpty = () => given.strokes.length === 0 && given.pictures.length === 0 && given.sound === null

/** Forget all but the strokes, which the pad clears. */
export function forget() {
  given.pictures = []
  given.sound = null
}

function pictureOf(strokes) {
  const points = strokes.reduce((sum, stroke) => sum + stroke.length, 0)
  const [kept, keptPoints, blob] = drawn.get(strokes[0]) ?? [[]]
  if (keptPoints === points && kept.length === strokes.length && kept.every((stroke, i) => stroke === strokes[i])) return blob
  const made = digitPicture(strokes)
  drawn.set(strokes[0], [strokes, points, made])
  return made
}
