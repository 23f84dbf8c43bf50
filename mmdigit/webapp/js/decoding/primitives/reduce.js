// Scales pixels down, as Pillow's reduce and its resize with a box filter. Uint8Array data are rounded as Pillow
// rounds.

import { BOX, smoothTaps } from "./antialiased_resize.js"
import { resample } from "./resample.js"

const ONE = 2 ** 22 // Pillow's weights are integers
const toByte = (total) => Math.floor(total / ONE + 0.5)

/** Averages squares of factor x factor pixels; those at the right and bottom edge may be narrower. */
export function reduce({ width, height, data }, factor, channels) {
  const made = { width: Math.ceil(width / factor), height: Math.ceil(height / factor) }
  made.data = new data.constructor(made.width * made.height * channels)
  const rounded = data instanceof Uint8Array
  let at = 0
  for (let top = 0; top < height; top += factor) {
    for (let left = 0; left < width; left += factor) {
      const [right, bottom] = [Math.min(left + factor, width), Math.min(top + factor, height)]
      const count = (right - left) * (bottom - top)
      const share = Math.floor(Math.fround(2 ** 32 / (256 * count)))
      for (let channel = 0; channel < channels; channel++) {
        let total = rounded ? Math.floor(count / 2) : 0
        for (let row = top; row < bottom; row++) {
          for (let column = left; column < right; column++) total += data[(row * width + column) * channels + channel]
        }
        made.data[at++] = rounded ? Math.floor((total * share) / 2 ** 24) : total / count
      }
    }
  }
  return made
}

/** Scale rows to a width; each pixel is the mean of those whose centres it covers. */
export const narrow = (plane, width, channels) =>
  resample(plane, boxTaps(plane.width, width), unchanged(plane.height), { channels, between: toByte })

/** The same for columns. */
export const shorten = (plane, height, channels) =>
  resample(plane, unchanged(plane.width), boxTaps(plane.height, height), { channels, after: toByte })

const boxTaps = (from, to) => smoothTaps(from, to, 0, from, BOX).map(({ first, weights }) =>
  ({ first, weights: weights.map((weight) => Math.floor(weight * ONE + 0.5)) }))

const unchanged = (length) => Array.from({ length }, (_, first) => ({ first, weights: new Float64Array([1]) }))
