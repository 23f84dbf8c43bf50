// Compares what was written with a way of writing (js/learn/shapes.js), whatever the order and direction of its strokes.

import { boxOf, distance, lengthOf, resampled } from "./strokes.js"

const POINTS = 48 // along all strokes of a way
const FEWEST = 6 // along one stroke
const STIFFNESS = 0.25 // how much leaning, turning and stretching costs, against points in other places
const JOINED = 0.03 // what each joining of pieces costs, and what the gap costs between them, for the digit's size
const GAP = 0.6
const MOST_STROKES = 6 // written ones; with more it is a scribble

/**
 * The best fit of written strokes to a way, or null if there is none: {cost, order, reversed, starts, bent, strokes}.
 * cost: 0 is the same shape; up to about 0.3 a person sees the same digit.
 * order[k]: which of the written strokes is stroke k of the way. reversed[k]: it was drawn from its end.
 * starts[k]: of a ring, the share of the way at which the pen began, range [0, 1).
 * strokes: the written ones in the way's order and direction. bent: a piece was drawn against the others.
 */
export function fit(written, way) {
  if (written.length === 0 || written.length > MOST_STROKES || written.length < way.strokes.length) return null
  const { strokes, bent, cost: joining } = joined(written, way.strokes.length)
  const { counts, points: target } = pointsOf(way)
  let best = null
  for (const order of permutations(strokes.length)) {
    const paths = order.map((i, k) => variants(strokes[i], counts[k], way.rings.includes(k)))
    for (const chosen of product(paths)) {
      const cost = apart(normal(chosen.flatMap((path) => path.points)), target)
      if (best !== null && cost >= best.cost) continue
      best = { cost, order, reversed: chosen.map((path) => path.reversed), starts: chosen.map((path) => path.start) }
    }
  }
  const ordered = best.order.map((i, k) => (best.reversed[k] ? strokes[i].toReversed() : strokes[i]))
  return { ...best, cost: best.cost + joining, strokes: ordered, bent }
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
      // The pen began at share `start` of the way, so the way's beginning is later in what was written.
      const shifted = [...points.slice(shift), ...points.slice(0, shift)]
      found.push({ points: shifted, reversed, start: shift === 0 ? 0 : 1 - shift / n })
    }
  }
  return found
}

/**
 * Pieces joined where their ends are nearest, until there are `count`: {strokes, cost, bent}. bent: pieces were drawn
 * towards each other or away from each other, or a later one before an earlier one.
 */
function joined(written, count) {
  let strokes = [...written]
  let bent = false
  let cost = 0
  const { size } = boxOf(written)
  while (strokes.length > count) {
    let best = null
    for (let i = 0; i < strokes.length; i++) {
      for (let j = 0; j < strokes.length; j++) {
        if (i === j) continue
        for (const [flipI, flipJ] of [[false, false], [false, true], [true, false]]) {
          const gap = distance(flipI ? strokes[i][0] : strokes[i].at(-1), flipJ ? strokes[j].at(-1) : strokes[j][0])
          const odd = flipI || flipJ || i > j
          // In doubt, pieces are taken in the order and direction in which they were drawn.
          if (best === null || gap + (odd ? 0.05 * size : 0) < best.gap + (best.odd ? 0.05 * size : 0)) best = { gap, i, j, flipI, flipJ, odd }
        }
      }
    }
    const first = best.flipI ? strokes[best.i].toReversed() : strokes[best.i]
    const second = best.flipJ ? strokes[best.j].toReversed() : strokes[best.j]
    bent ||= best.odd
    cost += JOINED + (GAP * best.gap) / size
    strokes = strokes.filter((_, k) => k !== best.i && k !== best.j).toSpliced(Math.min(best.i, best.j), 0, [...first, ...second])
  }
  return { strokes, cost, bent }
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
