// Which strokes make up one digit, where several are written side by side.

import { box, PEN } from "./drawing.js"

// Tried on the stroke templates of samples/strokes.py, slanted and side by side: tests/webapp/test_pad.py.
const TALL = 0.75 // of the tallest stroke: it could be a digit by itself
const NEAR = 0.07 // of the tallest stroke: the strokes touch
const OVER = 0.35 // of the narrower one's width: a bar, a flag or a dot stands over or under its digit
const ACROSS = 0.4 // the same, of two tall strokes that touch: the halves of one digit

/**
 * The digits, left to right, each an array of the strokes given, in the order in which they were written.
 *
 * A short stroke belongs to the digit that it touches, or over or under which it stands: the bar of a 5, the cross of
 * a 7. Two tall strokes are one digit only if they touch and stand on one another, as the two halves of a 4 do, or if
 * both their ends meet, as in a 0 of two bows.
 */
export function groupStrokes(strokes) {
  if (strokes.length === 0) return []
  const parts = strokes.map((stroke) => ({ stroke, ...box([stroke]) }))
  const tallest = Math.max(PEN, ...parts.map(tall))
  const groups = []
  for (const part of parts) {
    const joined = groups.filter((group) => group.some((other) => belong(part, other, tallest)))
    const rest = groups.filter((group) => !joined.includes(group))
    groups.splice(0, groups.length, ...rest, [...joined.flat(), part])
  }
  return groups
    .map((group) => ({ middle: middle(group), strokes: strokes.filter((stroke) => group.some((part) => part.stroke === stroke)) }))
    .sort((a, b) => a.middle - b.middle)
    .map((group) => group.strokes)
}

function belong(a, b, tallest) {
  const near = Math.max(NEAR * tallest, PEN)
  const touch = gap(a, b) < near && distance(a.stroke, b.stroke) < near
  if (Math.min(tall(a), tall(b)) >= TALL * tallest) {
    return touch && (overlap(a, b) >= ACROSS || endsMeet(a.stroke, b.stroke, 2 * NEAR * tallest))
  }
  return touch || overlap(a, b) >= OVER
}

const tall = (part) => part.bottom - part.top

/** How far apart their boxes are; no stroke is nearer than its box. */
const gap = (a, b) => Math.max(a.left - b.right, b.left - a.right, a.top - b.bottom, b.top - a.bottom)

const middle = (group) =>
  (Math.min(...group.map((part) => part.left)) + Math.max(...group.map((part) => part.right))) / 2

/** The share of the narrower one's width that lies over or under the other. A line has the pen's width. */
function overlap(a, b) {
  const shared = Math.min(a.right, b.right) - Math.max(a.left, b.left) + PEN
  return shared / (Math.min(a.right - a.left, b.right - b.left) + PEN)
}

/** How near two strokes come to one another. */
function distance(a, b) {
  let least = Infinity
  for (const [one, other] of [[a, b], [b, a]]) {
    for (const point of one) for (let i = 0; i < other.length; i++) {
      least = Math.min(least, toSegment(point, other[i], other[i + 1] ?? other[i]))
    }
  }
  return least
}

function toSegment(point, start, end) {
  const [dx, dy] = [end.x - start.x, end.y - start.y]
  const length = dx * dx + dy * dy
  const along = length === 0 ? 0 : ((point.x - start.x) * dx + (point.y - start.y) * dy) / length
  const share = Math.min(Math.max(along, 0), 1)
  return Math.hypot(point.x - start.x - share * dx, point.y - start.y - share * dy)
}

function endsMeet(a, b, near) {
  const [starts, ends] = [[a[0], b[0]], [a.at(-1), b.at(-1)]]
  const close = (p, q) => Math.hypot(p.x - q.x, p.y - q.y) < near
  return (close(...starts) && close(...ends)) || (close(a[0], b.at(-1)) && close(a.at(-1), b[0]))
}
