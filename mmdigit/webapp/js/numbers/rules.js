// Removes rules from a line of writing: the lines of ruled or squared paper, and the frame of a printed box. The same as
// mmdigit/numbers/rules.py, which says where the constants come from.

import { dilate, erode } from "../decoding/primitives/morphology.js"
import { round } from "../decoding/primitives/numbers.js"
import { above, flag, flags, map, transpose } from "../decoding/primitives/planes.js"
import { otsu } from "../decoding/lines.js"

const MIN_LENGTH = 1.6
const MIN_UPRIGHT = 1.5
const MAX_WIDTH = 0.16
const BLUR = 1 // pixels to each side of a rule

/**
 * [the ink without rules, rejoined where strokes crossed them; whether there was one]. ink: grey. floor: fainter ink is the
 * paper's grain. height: of a digit, pixels.
 */
export function removeRules(ink, floor, height) {
  const inked = above(ink, Math.max(0.4 * otsu(ink), 0.6 * floor))
  const flat = longRuns(inked, MIN_LENGTH * height, MAX_WIDTH * height)
  const upright = transpose(longRuns(transpose(inked), MIN_UPRIGHT * height, MAX_WIDTH * height))
  if (!flat.data.includes(1) && !upright.data.includes(1)) return [ink, false]
  const cleared = map(ink, (value, at) => (flat.data[at] || upright.data[at] ? 0 : value))
  const joined = new Float32Array(ink.data.length)
  for (const [band, turn] of [[flat, false], [upright, true]]) {
    if (!band.data.includes(1)) continue
    const across = turn ? transpose(crossing(transpose(cleared), transpose(band))) : crossing(cleared, band)
    band.data.forEach((inside, at) => {
      if (inside) joined[at] = Math.max(joined[at], Math.min(ink.data[at], across.data[at]))
    })
  }
  return [map(cleared, (value, at) => Math.max(value, joined[at])), true]
}

/** Where thin flat runs of at least that length are, with their blurred edges. A run may rise by a pixel or two. */
function longRuns(inked, length, width) {
  const side = Math.max(3, round(length))
  const none = flags(inked.width, inked.height)
  if (side > inked.width) return none
  let runs = longAlong(dilate(inked, 1, 3), side)
  if (!runs.data.includes(1)) return none
  // As high as a rule is wide: of a thick run, or of several that lie upon each other, nothing is a rule.
  const wide = openDown(runs, Math.max(3, round(width) + 3))
  runs = flag(runs, (value, at) => value > wide.data[at])
  return dilate(runs, 3, 1 + 2 * BLUR)
}

/** The runs along rows that have at least so many pixels. As OpenCV's opening moves them if the number is even. */
function longAlong({ width, height, data }, side) {
  const found = flags(width, height)
  const shift = side % 2 === 0 ? 1 : 0
  for (let row = 0; row < height; row++) {
    let start = row * width
    for (let at = start; at <= (row + 1) * width; at++) {
      if (at < (row + 1) * width && data[at]) continue
      if (at - start >= side) found.data.fill(1, start + shift, Math.min(at + shift, (row + 1) * width))
      start = at + 1
    }
  }
  return found
}

/** Opening along columns. */
const openDown = (plane, side) => transpose(openAcross(transpose(plane), side))
const openAcross = (plane, side) => dilate(erode(plane, side, 1), side, 1)

/** The ink above and below a flat rule, carried on into it: the lesser of the two, at a slant too. */
function crossing(cleared, band) {
  const { width, height } = cleared
  const [down, up] = [cleared.data.slice(), cleared.data.slice()]
  const carry = (data, row, from) => {
    for (let column = 0; column < width; column++) {
      if (!band.data[row * width + column]) continue
      const start = from * width
      const beside = [Math.max(0, column - 1), column, Math.min(width - 1, column + 1)].map((each) => data[start + each])
      data[row * width + column] = Math.max(...beside)
    }
  }
  for (let row = 1; row < height; row++) carry(down, row, row - 1)
  for (let row = height - 2; row >= 0; row--) carry(up, row, row + 1)
  return { width, height, data: down.map((value, at) => Math.min(value, up[at])) }
}
