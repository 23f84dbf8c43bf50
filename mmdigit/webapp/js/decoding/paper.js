// The ink relative to the paper around it: the part of mmdigit/reading/image/ink.py that removes paper and uneven
// light.

import { gaussianBlur, secondDifference } from "./primitives/blur.js"
import { distanceTransform } from "./primitives/distance.js"
import { leastSquares } from "./primitives/least_squares.js"
import { close } from "./primitives/morphology.js"
import { clip, extremes, largest, mean, round, variance } from "./primitives/numbers.js"
import { border, everySecond, flag, map } from "./primitives/planes.js"
import { otsu } from "./lines.js"
import { percentiles } from "./percentiles.js"

const MAX_STROKE = 0.28
const MAX_TIGHT_STROKE = 0.52
const SHADOW_OFFSET = 0.2

/** [the ink relative to the paper, the grain of the paper]. dark: an image with dark ink. */
export function subtractPaper(dark) {
  const differences = everySecond(secondDifference(dark)).map(Math.abs)
  const rough = 0.247 * percentiles(differences, 50)[0] // Immerkaer 1996, by the median
  const [low, high] = percentiles(everySecond(dark), 1, 99)
  const sigma = 0.6 + Math.min(1.2, 12 * Math.max(0, rough / Math.max(high - low, 1e-6) - 0.02))
  const smooth = gaussianBlur(dark, sigma)
  const plane = paperPlane(smooth)
  const paper = plane === null
    ? close(smooth, Math.max(3, round(MAX_STROKE * Math.max(dark.width, dark.height))))
    : map(plane, (value, at) => Math.max(value, smooth.data[at]))
  // Light multiplies: in shadow, ink takes away less.
  const ink = map(paper, (value, at) => (value - smooth.data[at]) / (value + SHADOW_OFFSET))
  // The closing lies on the crests of the grain, and the paper is a little darker.
  const [level] = percentiles(everySecond(ink), plane === null ? 25 : 5)
  const [median] = percentiles(everySecond(paper), 50)
  const grain = rough / (3.5 * sigma) / (median + SHADOW_OFFSET) // white noise after smoothing: 1/(2 sqrt(pi) s)
  return [map(ink, (value) => clip(value - level, 0, 1)), grain]
}

/** A plane fitted to the paper, even if strokes cover most of it; null = uneven light. */
function paperPlane(grey) {
  const [low] = extremes(grey.data)
  const threshold = otsu(map(grey, (value) => value - low)) + low
  const least = Math.fround(threshold)
  const dark = flag(grey, (value) => value < least)
  const share = mean(dark.data)
  if (share === 0 || share === 1) return null
  const bright = mean(grey.data.filter((_, at) => !dark.data[at]))
  const between = bright - mean(grey.data.filter((_, at) => dark.data[at]))
  const apart = (share * (1 - share) * between ** 2) / Math.max(variance(grey.data), 1e-9)
  const depth = largest(distanceTransform(withEdgeRepeated(dark)).data)
  const widest = apart > 0.8 && mean(border(dark)) < 0.3 ? MAX_TIGHT_STROKE : MAX_STROKE
  if (apart < 0.75 || depth > 0.5 * widest * Math.max(grey.width, grey.height)) return null
  return fitPlane(grey, Math.fround((threshold + bright) / 2))
}

/** The plane through the pixels above a level, clipped to [0, 1]. At most 1,023 of them are enough. */
function fitPlane(grey, level) {
  const paper = []
  grey.data.forEach((value, at) => {
    if (value > level) paper.push(at)
  })
  const step = Math.max(1, Math.floor(paper.length / 512))
  const chosen = paper.filter((_, number) => number % step === 0)
  const rows = Float64Array.from(chosen, (at) => Math.floor(at / grey.width))
  const columns = Float64Array.from(chosen, (at) => at % grey.width)
  const values = Float64Array.from(chosen, (at) => grey.data[at])
  const [down, right, base] = leastSquares([rows, columns, new Float64Array(chosen.length).fill(1)], values)
  return map(grey, (_, at) => clip(down * Math.floor(at / grey.width) + right * (at % grey.width) + base, 0, 1))
}

/** With a margin of one pixel that repeats the edge. */
function withEdgeRepeated({ width, height, data }) {
  const made = { width: width + 2, height: height + 2, data: new Uint8Array((width + 2) * (height + 2)) }
  for (let at = 0; at < made.data.length; at++) {
    const row = clip(Math.floor(at / made.width) - 1, 0, height - 1)
    const column = clip((at % made.width) - 1, 0, width - 1)
    made.data[at] = data[row * width + column]
  }
  return made
}
