// Finds the ink of one digit in an image, as mmdigit/reading/image/ink.py. paper.js removes paper and uneven light.

import { resizeArea } from "./primitives/area_resize.js"
import { connectedComponents, sumByPart } from "./primitives/components.js"
import { resizeCubic } from "./primitives/cubic_resize.js"
import { distanceTransform } from "./primitives/distance.js"
import { dilate } from "./primitives/morphology.js"
import { clip, extremes, largest, largestAt, round } from "./primitives/numbers.js"
import { above, flag, flags, grey as greyPlane, map } from "./primitives/planes.js"
import { otsu, removeLines } from "./lines.js"
import { subtractPaper } from "./paper.js"
import { percentiles } from "./percentiles.js"
import { inkIsDark } from "./polarity.js"
import { hasSeveralDigits, withMass } from "./several_digits.js"

const MIN_WORKING_SIDE = 64
const MAX_WORKING_SIDE = 128
const MIN_CONTRAST = 0.03
const MIN_SIGNAL = 3.0
const FAINTER = 0.6
const FAINTEST = 0.3
const MIN_SIDE = 0.1

/**
 * [the ink of the digit at each pixel, whether the image holds another digit]. grey: any size. Its result has a longest
 * side of 64-128 pixels, 1 = ink; all zeros if there is no digit.
 */
export function findInk(image) {
  const grey = scaled(image)
  const blank = [greyPlane(grey.width, grey.height), false]
  const [darkest, brightest] = extremes(grey.data)
  if (Math.fround(brightest - darkest) < MIN_CONTRAST) return blank
  const [marks, grain] = subtractPaper(inkIsDark(grey) ? grey : map(grey, (value) => 1 - value))
  const floor = Math.max(MIN_CONTRAST, MIN_SIGNAL * grain)
  if (largest(marks.data) < floor) return blank
  const [ink, hadLines] = removeLines(marks, floor)
  if (largest(ink.data) < floor) return blank
  const threshold = Math.max(otsu(ink), 0.6 * floor)
  const certain = above(ink, threshold)
  const [shine] = percentiles(ink.data.filter((_, at) => !certain.data[at]), 90) // lines, the other side of the sheet
  const fainter = Math.max(Math.min(Math.max(FAINTEST * threshold, 2 * shine), FAINTER * threshold), 0.6 * floor)
  const core = connected(above(ink, fainter), certain)
  const [digit, several] = digitParts(core, ink, hadLines)
  const [high] = percentiles(ink.data.filter((_, at) => digit.data[at]), 60)
  if (!(high >= floor)) return blank
  const [background] = percentiles(ink.data.filter((_, at) => !core.data[at]), 90)
  const low = Math.min(Math.max(background, 1.5 * grain), 0.5 * high)
  const near = dilate(digit, 3)
  return [map(ink, (value, at) => (near.data[at] ? clip((value - low) / (high - low), 0, 1) : 0)), several]
}

function scaled(grey) {
  const longest = Math.max(grey.width, grey.height)
  const target = clip(longest, MIN_WORKING_SIDE, MAX_WORKING_SIDE)
  if (target === longest) return grey
  const scale = target / longest
  const size = [grey.width, grey.height].map((side) => Math.max(1, round(side * scale)))
  return map((scale < 1 ? resizeArea : resizeCubic)(grey, ...size), (value) => clip(value, 0, 1))
}

/** The parts of `inked` with at least one certain pixel (hysteresis; Canny 1986). */
function connected(inked, certain) {
  const { partOf, parts } = connectedComponents(inked)
  const kept = new Uint8Array(parts.length)
  partOf.forEach((part, at) => {
    if (part > 0 && certain.data[at]) kept[part] = 1
  })
  return flag(inked, (_, at) => kept[partOf[at]])
}

/** [the inked pixels of the digit: its main part and the pieces near it, whether there is another digit]. */
function digitParts(core, ink, hadLines) {
  const { width, height } = core
  const nothing = [flags(width, height), false]
  const found = connectedComponents(core)
  if (found.parts.length < 2) return nothing
  const longest = Math.max(width, height)
  const parts = withMass(found.parts, sumByPart(found, ink.data))
  const touches = parts.map(({ left, top, right, bottom }) =>
    left <= 1 || top <= 1 || right >= width - 1 || bottom >= height - 1)
  const sides = parts.map((part) => Math.max(part.right - part.left, part.bottom - part.top))
  const main = largestAt(parts.map((part, at) => {
    const { centreX, centreY } = found.parts[at + 1]
    const offset = Math.hypot((centreX - width / 2) / width, (centreY - height / 2) / height)
    return part.mass * sides[at] * Math.exp(-3 * offset ** 2 * 2) * (touches[at] ? 0.5 : 1)
  }))
  const size = sides[main]
  if (size < MIN_SIDE * longest * (hadLines ? 1.5 : 1)) return nothing
  const kept = new Uint8Array(found.parts.length)
  kept[main + 1] = 1
  const gaps = gapsToMain(core, found, main + 1)
  const byArea = parts.map((_, at) => at).sort((a, b) => parts[b].area - parts[a].area)
  for (const part of byArea.slice(0, 40)) {
    const { area } = parts[part]
    if (part === main || area < Math.max(3, 0.015 * parts[main].area)) continue
    const maxGap = touches[part] ? 0.07 : area < 0.15 * parts[main].area ? 0.2 : 0.4
    if (gaps[part + 1] <= maxGap * size) kept[part + 1] = 1
  }
  return [flag(core, (_, at) => kept[found.partOf[at]]), hasSeveralDigits(parts, main, width, height)]
}

/** The distance of each part to the main one: that of its nearest pixel. */
function gapsToMain(core, { partOf, parts }, main) {
  const distances = distanceTransform(flag(core, (_, at) => partOf[at] !== main)).data
  const gaps = new Float64Array(parts.length).fill(Infinity)
  partOf.forEach((part, at) => {
    gaps[part] = Math.min(gaps[part], distances[at])
  })
  return gaps
}
