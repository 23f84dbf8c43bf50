// Resizes by bicubic interpolation, as OpenCV's INTER_CUBIC. For enlarging: it does not smooth.

import { clip } from "./numbers.js"
import { gatherTaps, resample } from "./resample.js"

const A = -0.75 // the slope at the neighbours (Keys 1981), OpenCV's choice

export const resizeCubic = (plane, width, height) =>
  resample(plane, taps(plane.width, width), taps(plane.height, height))

function taps(from, to) {
  const scale = 1 / (to / from)
  return gatherTaps(Array.from({ length: to }, (_, place) => {
    const middle = (place + 0.5) * scale - 0.5
    const left = Math.floor(middle)
    return weightsAt(middle - left).map((weight, tap) => [clip(left - 1 + tap, 0, from - 1), weight])
  }))
}

/** Of the four pixels around a place that is `share` of a pixel to the right of the second one. */
export function weightsAt(share) {
  const far = ((A * (share + 1) - 5 * A) * (share + 1) + 8 * A) * (share + 1) - 4 * A
  const near = ((A + 2) * share - (A + 3)) * share * share + 1
  const next = ((A + 2) * (1 - share) - (A + 3)) * (1 - share) * (1 - share) + 1
  return [far, near, next, 1 - far - near - next]
}
