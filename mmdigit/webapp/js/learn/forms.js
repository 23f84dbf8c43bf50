// The ways of js/learn/shapes.js as they may be written: as they should be, left open at a join, and closed at a gap.

import { WAYS } from "./shapes.js"
import { between, distance, lengthOf, piece, resampled } from "./strokes.js"

const CUTS = [0.1, 0.2] // how much of a line is missing at an open join, for its length
const BEND = 0.4 // the part of a line that bends towards what it touches
const POINTS = 64

/** The forms of each digit. How far a line is open or closed is told by what was written, not by the form it fits. */
export const FORMS = WAYS.map((ways) => ways.flatMap((way) => [
  way,
  ...way.joins.flatMap((join) => opened(way, join)),
  ...way.gaps.flatMap((gap) => closed(way, gap)),
]))

/** A way whose join is open: one of its lines ends too early or begins too late. */
function opened(way, join) {
  const [k, from] = join.find(([, start, end]) => start === 0 || end === 1)
  return CUTS.map((cut) => {
    const line = way.strokes[k]
    const rest = from === 0 ? piece(line, cut, 1) : piece(line, 0, 1 - cut)
    return changed(way, k, rest, from === 0 ? -cut * lengthOf(line) : 0)
  })
}

/** A way whose gap is closed: an end goes on straight to the nearest point of the other line, or bends until there. */
function closed(way, [[k, from], [other, start, end]]) {
  const line = from === 0 ? way.strokes[k].toReversed() : way.strokes[k]
  const tip = line.at(-1)
  const near = piece(way.strokes[other], start, end)
    .reduce((best, point) => (distance(point, tip) < distance(best, tip) ? point : best))
  const bent = resampled(line, POINTS).map((point, i) => {
    const pull = Math.max(0, (i / (POINTS - 1) - 1 + BEND) / BEND) ** 2
    return between(point, { x: point.x + near.x - tip.x, y: point.y + near.y - tip.y }, pull)
  })
  return [[...line, near], bent].map((longer) =>
    changed(way, k, from === 0 ? longer.toReversed() : longer, from === 0 ? lengthOf(longer) - lengthOf(line) : 0),
  )
}

/** A way with another stroke k, which has `before` more length at its beginning; its joins and gaps move along. */
function changed(way, k, stroke, before) {
  const [old, now] = [lengthOf(way.strokes[k]), lengthOf(stroke)]
  const moved = (share) => (share === 0 || share === 1 ? share : Math.min(1, Math.max(0, (share * old + before) / now)))
  const move = (pairs) => pairs.map((pair) => pair.map(([i, from, to]) => (i === k ? [i, moved(from), moved(to)] : [i, from, to])))
  return { ...way, strokes: way.strokes.toSpliced(k, 1, stroke), joins: move(way.joins), gaps: move(way.gaps) }
}
