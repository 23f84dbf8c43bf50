// Geometry of strokes: arrays of points {x, y}, x to the right and y downwards.

const SMALLEST_SHARE = 0.08 // of the digit's size: shorter strokes are where the pen only touched

/** The box around strokes: {left, top, right, bottom, width, height, size}, size the longer side. */
export function boxOf(strokes) {
  const box = { left: Infinity, top: Infinity, right: -Infinity, bottom: -Infinity }
  for (const { x, y } of strokes.flat()) {
    box.left = Math.min(box.left, x)
    box.right = Math.max(box.right, x)
    box.top = Math.min(box.top, y)
    box.bottom = Math.max(box.bottom, y)
  }
  const width = box.right - box.left
  const height = box.bottom - box.top
  return { ...box, width, height, size: Math.max(width, height) }
}

/** The strokes as a hand meant them: without points in the same place and without dots, unless dots are all there is. */
export function cleaned(strokes) {
  const moved = strokes
    .map((stroke) => stroke.filter((point, i) => i === 0 || point.x !== stroke[i - 1].x || point.y !== stroke[i - 1].y))
    .filter((stroke) => stroke.length > 1)
  const size = boxOf(moved).size
  return moved.filter((stroke) => lengthOf(stroke) >= SMALLEST_SHARE * size)
}

/** How far the pen went. */
export function lengthOf(stroke) {
  let length = 0
  for (let i = 1; i < stroke.length; i++) length += distance(stroke[i - 1], stroke[i])
  return length
}

export const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y)

/** n points at equal distances along a stroke, both ends included. */
export function resampled(stroke, n) {
  const step = lengthOf(stroke) / (n - 1)
  const points = [stroke[0]]
  let gone = 0
  for (let i = 1; i < stroke.length && points.length < n - 1; i++) {
    const piece = distance(stroke[i - 1], stroke[i])
    while (piece > 0 && gone + piece >= step * points.length && points.length < n - 1) {
      points.push(between(stroke[i - 1], stroke[i], (step * points.length - gone) / piece))
    }
    gone += piece
  }
  while (points.length < n) points.push(stroke.at(-1))
  return points
}

/** The piece of a stroke between two shares of its length. */
export function piece(stroke, from, to, n = 64) {
  const points = resampled(stroke, n)
  return points.slice(Math.floor(from * (n - 1)), Math.ceil(to * (n - 1)) + 1)
}

export const between = (a, b, share) => ({ x: a.x + (b.x - a.x) * share, y: a.y + (b.y - a.y) * share })

/** Seen in a mirror. */
export const mirrored = (strokes) => strokes.map((stroke) => stroke.map(({ x, y }) => ({ x: -x, y })))

/** Turned by half a turn. */
export const turned = (strokes) => strokes.map((stroke) => stroke.map(({ x, y }) => ({ x: -x, y: -y })))

/** Where two lines are nearest: {distance, at}, at halfway between them; 0 where they cross. */
export function nearest(one, other) {
  let best = { distance: Infinity, at: one[0] }
  for (let i = 1; i < one.length; i++) {
    for (let j = 1; j < other.length; j++) {
      const crossing = cross(one[i - 1], one[i], other[j - 1], other[j])
      if (crossing) return { distance: 0, at: crossing }
    }
  }
  for (const a of one) {
    for (const b of other) {
      const apart = distance(a, b)
      if (apart < best.distance) best = { distance: apart, at: between(a, b, 0.5) }
    }
  }
  return best
}

/** Where two straight pieces cross, or null. */
function cross(a, b, c, d) {
  const wide = (b.x - a.x) * (d.y - c.y) - (b.y - a.y) * (d.x - c.x)
  if (wide === 0) return null
  const share = ((c.x - a.x) * (d.y - c.y) - (c.y - a.y) * (d.x - c.x)) / wide
  const other = ((c.x - a.x) * (b.y - a.y) - (c.y - a.y) * (b.x - a.x)) / wide
  return share >= 0 && share <= 1 && other >= 0 && other <= 1 ? between(a, b, share) : null
}

/**
 * Where a point is in a box, in words' keys: "top-left", "top", ..., "middle", ..., "bottom-right". A box that is much
 * higher than wide has no left and right, and the other way round.
 */
export function placeIn(box, { x, y }) {
  const across = box.width < 0.25 * box.height ? 0.5 : (x - box.left) / box.width
  const down = box.height < 0.25 * box.width ? 0.5 : (y - box.top) / box.height
  const row = down < 0.34 ? "top" : down > 0.66 ? "bottom" : ""
  const column = across < 0.34 ? "left" : across > 0.66 ? "right" : ""
  return [row, column].filter(Boolean).join("-") || "middle"
}

/** What takes a point of one box to the same place in another; across a box without width or height, to its middle. */
export function fromBox(box, other) {
  const share = (value, from, length) => (length === 0 ? 0.5 : (value - from) / length)
  return ({ x, y }) => ({
    x: other.left + share(x, box.left, box.width) * other.width,
    y: other.top + share(y, box.top, box.height) * other.height,
  })
}
