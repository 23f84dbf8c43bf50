// Resizes by averaging areas, as OpenCV's INTER_AREA.

import { round } from "./numbers.js"
import { gatherTaps, resample } from "./resample.js"

const MIN_OVERLAP = 1e-3 // of a pixel; less does not count

/**
 * The plane at another size. Integers are rounded. Where one side grows, OpenCV interpolates instead of
 * averaging, along both sides.
 */
export function resizeArea(plane, width, height, channels = 1) {
  const scales = [scaleOf(plane.width, width), scaleOf(plane.height, height)]
  const taps = Math.min(...scales) >= 1 ? averagingTaps : growingTaps
  return resample(plane, taps(plane.width, width, scales[0]), taps(plane.height, height, scales[1]), {
    channels,
    after: plane.data instanceof Float32Array ? null : rounding(scales),
  })
}

const scaleOf = (from, to) => 1 / (to / from)

/** OpenCV rounds halves to even, but up where it averages 2x2 pixels. */
const rounding = (scales) => (scales.every((scale) => scale === 2) ? (value) => Math.floor(value + 0.5) : round)

function averagingTaps(from, to, scale) {
  return Array.from({ length: to }, (_, place) => {
    const start = place * scale
    const end = start + scale
    const last = Math.min(Math.floor(end), from - 1)
    const first = Math.min(Math.ceil(start), last)
    const size = Math.min(scale, from - start)
    const weights = []
    if (first - start > MIN_OVERLAP) weights.push((first - start) / size)
    const whole = weights.length
    for (let at = first; at < last; at++) weights.push(1 / size)
    if (end - last > MIN_OVERLAP) weights.push(Math.min(end - last, 1, size) / size)
    return { first: first - whole, weights: Float64Array.from(weights) }
  })
}

function growingTaps(from, to, scale) {
  return gatherTaps(Array.from({ length: to }, (_, place) => {
    const at = Math.floor(place * scale)
    const past = place + 1 - (at + 1) / scale
    const share = past <= 0 || at >= from - 1 ? 0 : past - Math.floor(past)
    const left = Math.min(at, from - 1)
    return share === 0 ? [[left, 1]] : [[left, 1 - share], [left + 1, share]]
  }))
}
