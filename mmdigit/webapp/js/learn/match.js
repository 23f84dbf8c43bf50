// Compares what was written with a way of writing (js/learn/shapes.js), whatever the order and direction of its strokes.

import { boxOf, distance, lengthOf, resampled } from "./strokes.js"

const POINTS = 48 // along all strokes of a way
const FEWEST = 6 // along one stroke
const STIFFNESS = 0.25 // how much leaning, turning and stretching costs, against points in other places
const JOINED = 0.03 // what each joining of pieces costs, and what the gap costs between them, for the digit's size
const GAP = 0.6
const ODD = 0.05 // and more if they were not drawn one after the other in one direction
const MOST_STROKES = 6 // written ones; with more it is a scribble

/**
 * The best fit of written strokes to a way, or null if there is none: {cost, order, reversed, bent, strokes}.
 * cost: 0 is the same shape; up to about 0.3 a person sees the same digit.
 * order[k]: which of the written strokes is stroke k of the way. reversed[k]: it was drawn from its end.
 * strokes: the written ones in the way's order and direction. bent: a piece was drawn against the others.
 */
export function fit(written, way) {
  const count = way.strokes.length
  if (written.length < count || written.length > MOST_STROKES || count === 0) return null
  if (written.length === count) return best({ strokes: written, cost: 0, bent: false }, way)
  const natural = best(joined(written, count, consecutive), way)
  const nearest = best(joined(written, count, anyEnds), way)
  return nearest.cost < natural.cost ? nearest : natural
}

/** The best order and direction of as many strokes as the way has. */
function best({ strokes, cost: joining, bent }, way) {
  const { counts, points: target } = pointsOf(way)
  let found = null
  for (const order of permutations(strokes.length)) {
    const paths = order.map((i, k) => variants(strokes[i], counts[k], way.rings.includes(k)))
    for (const chosen of product(paths)) {
      const cost = joining + apart(normal(chosen.flatMap((path) => path.points)), target)
      if (found === null || cost < found.cost) found = { cost, order, reversed: chosen.map((path) => path.reversed) }
    }
  }
  const ordered = found.order.map((i, k) => (found.reversed[k] ? strokes[i].toReversed() : strokes[i]))
  return { ...found, strokes: ordered, bent }
}

const known = new WeakMap()

/** The points along a way, and how many each stroke has, by its length: {counts, points}. */
function pointsOf(way) {
  if (!known.has(way)) {
    const all = way.strokes.reduce((sum, stroke) => sum + lengthOf(stroke), 0)
    const counts = way.strokes.map((stroke) => Math.max(FEWEST, Math.round((POINTS * lengthOf(stroke)) / all)))
    known.set(way, { counts, points: normal(way.strokes.flatMap((stroke, k) => resampled(stroke, counts[k]))) })
  }
  return known.get(way)
}

/** The ways along one written stroke: from either end, and along a ring from anywhere. */
function variants(stroke, n, ring) {
  const found = []
  for (const reversed of [false, true]) {
    const points = resampled(reversed ? stroke.toReversed() : stroke, n)
    for (let shift = 0; shift < (ring ? n : 1); shift += 2) {
      found.push({ points: [...points.slice(shift), ...points.slice(0, shift)], reversed })
    }
  }
  return found
}

/**
 * Pieces joined where their ends are nearest, until there are `count`: {strokes, cost, bent}. pairsOf: the joints to
 * choose from. bent: pieces were drawn towards each other or away from each other, or a later one before an earlier one.
 */
function joined(written, count, pairsOf) {
  let strokes = [...written]
  let bent = false
  let cost = 0
  const { size } = boxOf(written)
  while (strokes.length > count) {
    const joints = pairsOf(strokes.length).map(({ i, j, flipI, flipJ }) => {
      const first = flipI ? strokes[i].toReversed() : strokes[i]
      const second = flipJ ? strokes[j].toReversed() : strokes[j]
      return { i, j, odd: flipI || flipJ || i > j, gap: distance(first.at(-1), second[0]), line: [...first, ...second] }
    })
    const { i, j, odd, gap, line } = joints.reduce((least, joint) => (joint.gap < least.gap ? joint : least))
    strokes = strokes.filter((_, k) => k !== i && k !== j).toSpliced(Math.min(i, j), 0, line)
    bent ||= odd
    cost += JOINED + (odd ? ODD : 0) + (GAP * gap) / size
  }
  return { strokes, cost, bent }
}

/** As the pieces were drawn: the end of each and the start of the next. */
const consecutive = (n) => [...Array(n - 1).keys()].map((i) => ({ i, j: i + 1, flipI: false, flipJ: false }))

/** Any two ends. */
function anyEnds(n) {
  const all = [...Array(n).keys()]
  const flips = [[false, false], [false, true], [true, false]]
  return all.flatMap((i) => all.filter((j) => j !== i).flatMap((j) => flips.map(([flipI, flipJ]) => ({ i, j, flipI, flipJ }))))
}

/** Points about their middle, at distance 1 from it on average. */
function normal(points) {
  const n = points.length
  const x = points.reduce((sum, point) => sum + point.x, 0) / n
  const y = points.reduce((sum, point) => sum + point.y, 0) / n
  const size = Math.sqrt(points.reduce((sum, point) => sum + (point.x - x) ** 2 + (point.y - y) ** 2, 0) / n) || 1
  return points.map((point) => ({ x: (point.x - x) / size, y: (point.y - y) / size }))
}

/**
 * The root mean square distance of points p from q after the best leaning, turning and stretching (I + D) of p, where
 * that costs too: min over D of sum |(I + D) p - q|^2 / n + STIFFNESS |D|^2.
 */
function apart(p, q) {
  const n = p.length
  let [xx, xy, yy] = [STIFFNESS, 0, STIFFNESS]
  let [ax, ay, bx, by] = [0, 0, 0, 0] // mean of (q - p) p^T
  for (let i = 0; i < n; i++) {
    const [dx, dy] = [q[i].x - p[i].x, q[i].y - p[i].y]
    xx += (p[i].x * p[i].x) / n
    xy += (p[i].x * p[i].y) / n
    yy += (p[i].y * p[i].y) / n
    ax += (dx * p[i].x) / n
    ay += (dx * p[i].y) / n
    bx += (dy * p[i].x) / n
    by += (dy * p[i].y) / n
  }
  const det = xx * yy - xy * xy
  const d = [(ax * yy - ay * xy) / det, (ay * xx - ax * xy) / det, (bx * yy - by * xy) / det, (by * xx - bx * xy) / det]
  let sum = STIFFNESS * n * (d[0] ** 2 + d[1] ** 2 + d[2] ** 2 + d[3] ** 2)
  for (let i = 0; i < n; i++) {
    const ex = p[i].x + d[0] * p[i].x + d[1] * p[i].y - q[i].x
    const ey = p[i].y + d[2] * p[i].x + d[3] * p[i].y - q[i].y
    sum += ex * ex + ey * ey
  }
  return Math.sqrt(sum / n)
}

function permutations(n) {
  if (n === 0) return [[]]
  return permutations(n - 1).flatMap((rest) => [...Array(n).keys()].map((at) => rest.toSpliced(at, 0, n - 1)))
}

function product(lists) {
  return lists.reduce((found, list) => found.flatMap((some) => list.map((one) => [...some, one])), [[]])
}
