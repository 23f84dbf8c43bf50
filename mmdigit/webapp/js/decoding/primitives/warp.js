// An affine map of a plane, as OpenCV's warpAffine with WARP_INVERSE_MAP and BORDER_REPLICATE.

import { weightsAt } from "./cubic_resize.js"
import { clip } from "./numbers.js"

/**
 * The plane as seen from `width` x `height` pixels, whose centres the map takes to places of the plane: [[a, b, c], [d, e,
 * f]], x = a * column + b * row + c. cubic: by bicubic interpolation, for enlarging; else linear.
 */
export function warp(plane, [across, down], width, height, { cubic = false } = {}) {
  const data = new Float32Array(width * height)
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const x = across[0] * column + across[1] * row + across[2]
      const y = down[0] * column + down[1] * row + down[2]
      data[row * width + column] = (cubic ? cubicAt : linearAt)(plane, x, y)
    }
  }
  return { width, height, data }
}

function linearAt(plane, x, y) {
  const [left, top] = [Math.floor(x), Math.floor(y)]
  return combine(plane, left, top, [1 - (x - left), x - left], [1 - (y - top), y - top])
}

function cubicAt(plane, x, y) {
  const [left, top] = [Math.floor(x), Math.floor(y)]
  return combine(plane, left - 1, top - 1, weightsAt(x - left), weightsAt(y - top))
}

function combine({ width, height, data }, left, top, across, down) {
  let total = 0
  for (let y = 0; y < down.length; y++) {
    const start = clip(top + y, 0, height - 1) * width
    let along = 0
    for (let x = 0; x < across.length; x++) along += across[x] * data[start + clip(left + x, 0, width - 1)]
    total += down[y] * along
  }
  return total
}
