// Finds the line of writing in a photo: paper and rules taken away, set upright, its digits LINE_HEIGHT pixels high. The
// same as mmdigit/numbers/line_ink.py, which says how, and where the constants come from.

import { resizeArea } from "../decoding/primitives/area_resize.js"
import { gaussianBlur, secondDifference } from "../decoding/primitives/blur.js"
import { connectedComponents } from "../decoding/primitives/components.js"
import { close, dilate } from "../decoding/primitives/morphology.js"
import { clip, extremes, largest, round, sum } from "../decoding/primitives/numbers.js"
import { above, crop, everySecond, flag, flags, map } from "../decoding/primitives/planes.js"
import { warp } from "../decoding/primitives/warp.js"
import { otsu } from "../decoding/lines.js"
import { percentiles } from "../decoding/percentiles.js"
import { inkIsDark } from "../decoding/polarity.js"
import { findMainLine } from "./main_line.js"
import { removeRules } from "./rules.js"

export const LINE_HEIGHT = 56 // pixels
const FIRST_SIDE = 800 // pixels
const SHARES = [1, 0.55, 0.3, 0.15, 0.08, 0.04]
const MAX_LINE_WIDTH = 80 * LINE_HEIGHT
const MIN_HEIGHT_PX = 8
const MIN_CONTRAST = 0.03
const MIN_SIGNAL = 3
const SHADOW_OFFSET = 0.2
const MAX_STROKE = 0.45
const ROOM = 0.6

/**
 * The line of digits with the most ink: {ink, inked, toPhoto, contrast, severalLines, ruled}; null if there is none. ink:
 * grey, 1 = the inside of a stroke; inked: flags. toPhoto: [[a, b, c], [d, e, f]], from its pixels to those of the photo.
 * grey: range [0, 1].
 */
export function findLine(grey) {
  const [low, high] = extremes(grey.data)
  if (Math.fround(high - low) < MIN_CONTRAST) return null
  let best = null
  for (const isDark of polarities(grey)) {
    const dark = isDark ? grey : map(grey, (value) => 1 - value)
    const scale = Math.min(1, FIRST_SIDE / Math.max(dark.width, dark.height))
    const small = resized(dark, scale)
    for (const share of SHARES) {
      if (share * small.height < MIN_HEIGHT_PX) break
      const where = firstPass(small, share * small.height)
      if (where === null || where.height / scale < MIN_HEIGHT_PX) continue
      const found = readLine(dark, scaled(where, 1 / scale))
      if (found !== null && (best === null || found.score > best.score)) best = found
    }
  }
  return best?.line ?? null
}

/** {score, line}: the line where the first pass saw it, and how much of the ink it explains; null if it is not there. */
function readLine(dark, where) {
  let found = secondPass(...cutOut(dark, where))
  let again = found && findMainLine(found.inked, LINE_HEIGHT)
  if (!again) return null
  // The first pass sees little of thin or faint strokes: once more, with what the second one found.
  if (Math.abs(Math.log(again.height / LINE_HEIGHT)) > 0.12 || Math.abs(again.slope) > 0.02) {
    found = secondPass(...cutOut(dark, moved(again, found.toPhoto)))
    again = found && findMainLine(found.inked, LINE_HEIGHT)
    if (!again) return null
  }
  const fits = Math.exp(-((Math.log(again.height / LINE_HEIGHT) / 0.4) ** 2))
  const score = fits * again.mass * found.contrast * sizeOf(found.toPhoto) ** 2
  return { score, line: { ...found, severalLines: where.several || again.several } }
}

/** How long a pixel is there. */
const sizeOf = ([across, down]) => Math.hypot(across[0], down[0])

const scaled = (where, by) => ({
  ...where, left: where.left * by, right: where.right * by, middle: where.middle * by, height: where.height * by,
})

/** In the photo's pixels. */
function moved(where, toPhoto) {
  const half = (where.right - where.left) / 2
  const place = (x, y) => toPhoto.map(([a, b, c]) => a * x + b * y + c)
  const [left, top] = place(where.left, where.middle - where.slope * half)
  const [right, bottom] = place(where.right, where.middle + where.slope * half)
  const slope = (bottom - top) / Math.max(right - left, 1e-6)
  return { ...where, left, right, middle: (top + bottom) / 2, height: where.height * sizeOf(toPhoto), slope }
}

/** Whether the ink is dark: one answer, or both if it is not certain. */
function polarities(grey) {
  const { width, height } = grey
  const side = Math.min(width, height)
  const longest = Math.max(width, height)
  const count = Math.min(9, Math.max(1, round(longest / side)))
  const votes = []
  for (let number = 0; number < count; number++) {
    const start = count === 1 ? 0 : Math.trunc((number * (longest - side)) / (count - 1))
    const piece = width >= height ? crop(grey, start, 0, side, height) : crop(grey, 0, start, width, side)
    const [low, high] = extremes(piece.data)
    if (Math.fround(high - low) >= MIN_CONTRAST) votes.push(inkIsDark(piece))
  }
  const dark = votes.filter(Boolean).length
  const found = dark > votes.length - dark ? [true, false] : [false, true]
  return votes.length === 0 ? [true] : found.filter((each) => votes.includes(each))
}

/** The line as it looks if its digits are at most that high, pixels. */
function firstPass(dark, height) {
  const [marks, floor] = subtractPaper(dark, height)
  if (largest(marks.data) < floor) return null
  const [ink] = removeRules(marks, floor, Math.max(0.75 * height, 16))
  return findMainLine(findInked(ink, floor), height)
}

function secondPass(dark, toPhoto) {
  const [marks, floor] = subtractPaper(dark, LINE_HEIGHT)
  if (largest(marks.data) < floor) return null
  const [ink, ruled] = removeRules(marks, floor, LINE_HEIGHT)
  const inked = findInked(ink, floor)
  const [high] = percentiles(ink.data.filter((_, at) => inked.data[at]), 60)
  if (!(high >= floor)) return null
  const [background] = percentiles(ink.data.filter((_, at) => !inked.data[at]), 90)
  const low = Math.min(background, 0.5 * high)
  const near = dilate(inked, 3)
  const full = map(ink, (value, at) => (near.data[at] ? clip((value - low) / (high - low), 0, 1) : 0))
  return { ink: full, inked, toPhoto, contrast: high, ruled }
}

/** [the ink relative to the paper around it, the least that is ink]. dark: with dark ink. height: of a digit, pixels. */
export function subtractPaper(dark, height) {
  const rough = 0.247 * percentiles(everySecond(secondDifference(dark)).map(Math.abs), 50)[0]
  const [low, high] = percentiles(everySecond(dark), 1, 99)
  const sigma = 0.6 + Math.min(1.2, 12 * Math.max(0, rough / Math.max(high - low, 1e-6) - 0.02))
  const smooth = gaussianBlur(dark, sigma)
  const paper = close(smooth, Math.max(3, round(MAX_STROKE * height)) | 1)
  const ink = map(paper, (value, at) => (value - smooth.data[at]) / (value + SHADOW_OFFSET))
  const [level] = percentiles(everySecond(ink), 25)
  const [median] = percentiles(everySecond(paper), 50)
  const grain = rough / (3.5 * sigma) / (median + SHADOW_OFFSET)
  return [map(ink, (value) => clip(value - level, 0, 1)), Math.max(MIN_CONTRAST, MIN_SIGNAL * grain)]
}

/** Where there is ink: certain, or fainter and joined to it (hysteresis; Canny 1986). */
function findInked(ink, floor) {
  const threshold = Math.max(otsu(ink), 0.6 * floor)
  const certain = above(ink, threshold)
  const count = sum(certain.data)
  if (count === 0 || count === certain.data.length) return flags(ink.width, ink.height)
  const [background] = percentiles(ink.data.filter((_, at) => !certain.data[at]), 90)
  const fainter = Math.max(Math.min(Math.max(0.5 * threshold, 2 * background), 0.7 * threshold), 0.6 * floor)
  const inked = above(ink, fainter)
  const { partOf, parts } = connectedComponents(inked)
  const kept = new Uint8Array(parts.length)
  partOf.forEach((part, at) => {
    if (part > 0 && certain.data[at]) kept[part] = 1
  })
  return flag(inked, (_, at) => kept[partOf[at]])
}

/** [the line upright, its digits LINE_HEIGHT high, with ROOM around it; the map from its pixels to dark's]. */
function cutOut(dark, where) {
  const shrink = Math.hypot(1, where.slope)
  const long = shrink * (where.right - where.left)
  const scale = Math.min(LINE_HEIGHT / where.height, MAX_LINE_WIDTH / long)
  const room = ROOM * where.height
  const size = [long + 2 * room, where.height + 2 * room].map((side) => Math.max(8, Math.ceil(side * scale)))
  const along = [1 / shrink / scale, where.slope / shrink / scale]
  const down = [-where.slope / shrink / scale, 1 / shrink / scale]
  const centre = [(where.left + where.right) / 2, where.middle]
  const toPhoto = [0, 1].map((axis) =>
    [along[axis], down[axis], centre[axis] - (along[axis] * size[0]) / 2 - (down[axis] * size[1]) / 2])
  const source = scale < 0.7 ? resized(dark, scale) : dark // average first: sampling alone would skip pixels
  const factors = [source.width / dark.width, source.height / dark.height]
  const centres = toPhoto.map((row, axis) => {
    const [a, b, c] = row.map((value) => value * factors[axis])
    return [a, b, c + (a + b) * 0.5 - 0.5].map(Math.fround) // from the middle of a pixel to the middle of a pixel
  })
  const line = warp(source, centres, ...size, { cubic: scale > 1.2 })
  return [map(line, (value) => clip(value, 0, 1)), toPhoto]
}

function resized(grey, scale) {
  if (scale >= 1) return grey
  return resizeArea(grey, ...[grey.width, grey.height].map((side) => Math.max(1, round(side * scale))))
}
