// Filters of a small kernel, as OpenCV's GaussianBlur, blur and filter2D.

import { round } from "./numbers.js"
import { gatherTaps, resample } from "./resample.js"

/** Gaussian blur of float pixels; the kernel reaches four standard deviations. */
export function gaussianBlur(plane, sigma) {
  const radius = (round(8 * sigma + 1) | 1) >> 1
  const places = Array.from({ length: 2 * radius + 1 }, (_, at) => at - radius)
  const weights = places.map((place) => Math.exp(-(place ** 2) / (2 * sigma * sigma)))
  const total = weights.reduce((sum, each) => sum + each, 0)
  return filter(plane, weights.map((each) => each / total), withoutEdge)
}

/** The mean of a square window of odd side. */
export const boxBlur = (plane, side) => filter(plane, new Array(side).fill(1 / side), withoutEdge)

/** [1, -2, 1] along rows and columns; the border repeats the pixels at the edge. */
export const secondDifference = (plane) => filter(plane, [1, -2, 1], withEdge)

function filter(plane, kernel, mirror) {
  const taps = (length) => gatherTaps(Array.from({ length }, (_, place) =>
    kernel.map((weight, at) => [mirror(place + at - (kernel.length >> 1), length), weight])))
  return resample(plane, taps(plane.width), taps(plane.height))
}

/** BORDER_REFLECT_101: gfedcb|abcdefgh|gfedcba. */
function withoutEdge(place, length) {
  if (length === 1) return 0
  while (place < 0 || place >= length) place = place < 0 ? -place : 2 * length - 2 - place
  return place
}

/** BORDER_REFLECT: fedcba|abcdefgh|hgfedcb. */
function withEdge(place, length) {
  while (place < 0 || place >= length) place = place < 0 ? -place - 1 : 2 * length - 1 - place
  return place
}
