// Resizes with smoothing, as Pillow's Image.resize: the filter grows with the area that a pixel of the result covers.

import { resample } from "./resample.js"

/** A filter: weight(distance in pixels of the result), 0 from `support` on. */
export const BILINEAR = { support: 1, weight: (distance) => Math.max(0, 1 - Math.abs(distance)) }
export const BOX = { support: 0.5, weight: (distance) => (distance > -0.5 && distance <= 0.5 ? 1 : 0) }

/** The part `box` of the plane, [left, top, right, bottom], by default all of it, at another size. */
export function resizeAntialiased(plane, width, height, box = [0, 0, plane.width, plane.height], filter = BILINEAR) {
  const [left, top, right, bottom] = box.map(Math.fround) // Pillow keeps them as float32
  const columns = smoothTaps(plane.width, width, left, right, filter)
  return resample(plane, columns, smoothTaps(plane.height, height, top, bottom, filter))
}

/** The taps for `to` places over start:end of `from` places. */
export function smoothTaps(from, to, start, end, { support, weight }) {
  const scale = Math.fround(end - start) / to
  const stretch = Math.max(scale, 1)
  return Array.from({ length: to }, (_, place) => {
    const middle = start + (place + 0.5) * scale
    const first = Math.max(0, Math.trunc(middle - support * stretch + 0.5))
    const last = Math.min(from, Math.trunc(middle + support * stretch + 0.5))
    const weights = new Float64Array(last - first).map((_, tap) => weight((tap + first - middle + 0.5) / stretch))
    const total = weights.reduce((sum, each) => sum + each, 0)
    return { first, weights: total === 0 ? weights : weights.map((each) => each / total) }
  })
}
