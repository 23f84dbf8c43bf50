// Cuts the ink of a line into pieces from left to right: components, and parts of those that may hold several digits. The
// same as mmdigit/numbers/pieces.py, which says where the constants come from.

import { connectedComponents } from "../decoding/primitives/components.js"
import { crop, flag, map } from "../decoding/primitives/planes.js"
import { findZones } from "./cuts.js"

const SPECK = 0.0025
const MAX_PIECES = 256

/**
 * {partOf, pieces, cutInk}: Int32Array, the piece that each pixel belongs to, -1 = none; from left to right, {left, top,
 * right, bottom, area, component}; the pixels of ink that the cuts between the pieces before and after each place go
 * through, one more than there are pieces. ink: grey; inked: flags; height: of the line's usual digit, pixels.
 */
export function cutPieces(ink, inked, height) {
  const { width } = ink
  const { partOf: labels, parts } = connectedComponents(inked)
  const numbers = new Int32Array(labels.length).fill(-1)
  const found = [] // {mean, component}
  const joins = []
  const byArea = [...parts.keys()].slice(1).sort((one, other) => parts[other].area - parts[one].area)
  for (const part of byArea) {
    const { left, top, width: wide, height: tall, area } = parts[part]
    if (area < SPECK * height ** 2 || found.length >= MAX_PIECES) break
    const box = crop({ ...ink, data: labels }, left, top, wide, tall)
    const mask = flag(box, (label) => label === part)
    const own = map(crop(ink, left, top, wide, tall), (value, at) => (mask.data[at] ? Math.max(value, Math.fround(0.2)) : 0))
    const { zones, crossed } = findZones(own, mask, height)
    const first = found.length
    for (let zone = 0; zone <= crossed.length; zone++) {
      let [columns, count] = [0, 0]
      mask.data.forEach((inside, at) => {
        if (!inside || zones[at] !== zone) return
        numbers[(top + Math.floor(at / wide)) * width + left + (at % wide)] = found.length
        columns += at % wide
        count += 1
      })
      if (count === 0) {
        crossed[Math.max(0, zone - 1)] = 0 // two cuts that meet: nothing lies between them
        continue
      }
      if (found.length > first) joins.push([found.length - 1, found.length, crossed[zone - 1]])
      found.push({ mean: left + columns / count, component: part })
    }
  }
  return inOrder(width, numbers, found, joins)
}

/** The pieces from left to right. */
function inOrder(width, numbers, found, joins) {
  const order = [...found.keys()].sort((one, other) => found[one].mean - found[other].mean || one - other)
  const rank = new Int32Array(found.length)
  order.forEach((number, place) => (rank[number] = place))
  const partOf = numbers.map((number) => (number < 0 ? -1 : rank[number]))
  const pieces = order.map((number) =>
    ({ left: Infinity, top: Infinity, right: 0, bottom: 0, area: 0, component: found[number].component }))
  partOf.forEach((place, at) => {
    if (place < 0) return
    const piece = pieces[place]
    const [x, y] = [at % width, Math.floor(at / width)]
    piece.left = Math.min(piece.left, x)
    piece.right = Math.max(piece.right, x + 1)
    piece.top = Math.min(piece.top, y)
    piece.bottom = Math.max(piece.bottom, y + 1)
    piece.area += 1
  })
  const cutInk = new Float64Array(found.length + 1)
  for (const [one, other, crossed] of joins) {
    const [low, high] = [rank[one], rank[other]].sort((a, b) => a - b)
    for (let place = low + 1; place <= high; place++) cutInk[place] += crossed
  }
  return { partOf, pieces, cutInk }
}
