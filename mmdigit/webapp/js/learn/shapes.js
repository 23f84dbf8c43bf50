// How digits are written: for each, the ways that schools teach. Drawn for this project; nothing is traced or copied.
//
// Order and direction are those that primers of the United Kingdom, the United States and Germany have in common: begin
// at the top, curves to the left first, the bar of a 5 last. Where they differ, each way is here: a 1 and a 7 with and
// without upstroke, foot and bar; a 4 open, closed, or with the short stem of German schools; an 8 as one line or as two
// rings. The first way of a digit is the one that is shown.
//
// A way is drawn as in samples/strokes.py: strokes separated by `|`, each the points x,y that the pen passes through, in
// hundredths of the digit's height; a repeated point is a sharp corner, elsewhere the pen moves smoothly.

const STEPS = 8 // straight pieces between two points of a curve

/**
 * parts: what each stroke is, for the words of a remark.
 * rings: strokes that end where they began. bars: strokes that may go either way (left-handed writers pull them to the
 * left). anyOrder: whether the strokes may come in any order.
 * joins: lines that have to touch; gaps: lines that must not: pairs of [stroke, from, to], shares of its length.
 */
function way(drawn, { parts = ["body"], rings = [], bars = [], anyOrder = false, joins = [], gaps = [] } = {}) {
  return { strokes: drawn.split("|").map(curve), parts, rings, bars, anyOrder, joins, gaps }
}

/** A smooth line through points "x,y x,y ..." (Catmull-Rom), broken at repeated ones. */
export function curve(text) {
  const points = text.trim().split(/\s+/).map((point) => {
    const [x, y] = point.split(",").map((number) => Number(number) / 100)
    return { x, y }
  })
  const line = [points[0]]
  for (let i = 1; i < points.length; i++) {
    const [a, b] = [points[i - 1], points[i]]
    if (same(a, b)) continue
    const before = i < 2 || same(points[i - 2], a) ? a : points[i - 2]
    const after = i + 1 === points.length || same(points[i + 1], b) ? b : points[i + 1]
    for (let step = 1; step <= STEPS; step++) line.push(onCurve(before, a, b, after, step / STEPS))
  }
  return line
}

const same = (a, b) => a.x === b.x && a.y === b.y

function onCurve(p, a, b, q, u) {
  const along = (axis) =>
    a[axis] +
    0.5 * u * (b[axis] - p[axis] +
      u * (2 * p[axis] - 5 * a[axis] + 4 * b[axis] - q[axis] + u * (3 * (a[axis] - b[axis]) + q[axis] - p[axis])))
  return { x: along("x"), y: along("y") }
}

const RING = { rings: [0], joins: [[[0, 0, 0.2], [0, 0.8, 1]]] }
const BELLY = "20,4 16,44 16,44 40,36 66,50 68,76 44,98 8,88"
const BOWS = { gaps: [[[0, 0, 0.1], [0, 0.4, 0.55]], [[0, 0.93, 1], [0, 0.4, 0.55]]] }
const LOOP = { joins: [[[0, 0.85, 1], [0, 0.2, 0.65]]], gaps: [[[0, 0, 0.1], [0, 0.6, 0.9]]] }

/** The ways of each digit. */
export const WAYS = [
  [way("46,2 27,6 13,24 8,50 12,76 25,95 40,99 55,93 66,74 70,48 66,22 57,6 46,2", RING)],
  [
    way("12,30 40,2 40,2 40,98"),
    way("36,2 36,98"),
    way("12,28 40,2 40,2 40,97 | 14,97 66,97", { parts: ["body", "foot"], bars: [1], anyOrder: true }),
    way("36,2 36,97 | 12,97 60,97", { parts: ["body", "foot"], bars: [1], anyOrder: true }),
  ],
  [
    way("10,24 22,7 42,2 62,12 64,32 46,60 8,97 8,97 72,97", { gaps: [[[0, 0, 0.08], [0, 0.35, 0.6]]] }),
    way("10,22 26,5 48,3 64,20 57,46 36,76 18,93 7,88 16,79 42,90 74,95", { gaps: [[[0, 0, 0.08], [0, 0.3, 0.5]]] }),
  ],
  [
    way("12,14 34,2 60,10 62,30 34,46 34,46 66,58 70,80 44,98 10,88", BOWS),
    way("10,4 66,4 66,4 36,42 36,42 62,50 72,72 54,94 28,98 8,86", { gaps: BOWS.gaps.slice(1) }),
  ],
  [
    way("24,2 8,62 8,62 76,62 | 56,4 54,98", { parts: ["body", "stem"] }),
    way("56,2 6,66 6,66 76,66 | 56,2 56,98", { parts: ["body", "stem"] }),
    way("44,2 6,66 6,66 76,66 | 50,40 50,98", { parts: ["body", "stem"] }),
  ],
  [
    way(`${BELLY} | 20,4 68,4`, {
      parts: ["body", "bar"], bars: [1], anyOrder: true, gaps: [[[0, 0.93, 1], [0, 0, 0.4]]],
      joins: [[[0, 0, 0.2], [1, 0, 1]]],
    }),
    way("66,4 20,4 20,4 16,44 16,44 40,36 66,50 68,76 44,98 8,88", { gaps: [[[0, 0.94, 1], [0, 0.2, 0.5]]] }),
  ],
  [
    way("58,4 30,24 11,58 14,86 36,98 60,88 64,68 46,55 22,62 11,76", LOOP),
    way("46,2 24,40 12,74 24,95 46,96 60,78 48,62 26,66 13,80", LOOP),
  ],
  [
    way("8,4 70,4 70,4 34,98"),
    way("8,4 70,4 70,4 34,98 | 28,50 70,50", { parts: ["body", "bar"], bars: [1], anyOrder: true }),
    way("10,18 10,4 10,4 70,4 70,4 34,98"),
    way("10,18 10,4 10,4 70,4 70,4 34,98 | 28,50 70,50", { parts: ["body", "bar"], bars: [1], anyOrder: true }),
  ],
  [
    way("58,12 38,2 16,14 20,36 44,48 64,62 66,86 40,98 12,86 14,62 38,48 58,34 58,12", RING),
    way("40,2 18,12 20,36 40,46 60,36 62,12 40,2 | 40,46 12,60 12,86 40,98 68,86 68,60 40,46", {
      parts: ["body", "ring"], rings: [0, 1], bars: [0, 1],
      joins: [[[0, 0, 0.2], [0, 0.8, 1]], [[1, 0, 0.2], [1, 0.8, 1]]],
    }),
  ],
  [
    way("64,16 42,2 16,12 14,36 36,50 58,38 64,16 64,16 60,98", {
      joins: [[[0, 0, 0.12], [0, 0.45, 0.75]]], gaps: [[[0, 0.93, 1], [0, 0.1, 0.45]]],
    }),
    way("64,18 42,2 16,12 14,36 36,50 58,38 65,18 64,52 52,86 22,98", {
      joins: [[[0, 0, 0.12], [0, 0.4, 0.75]]], gaps: [[[0, 0.93, 1], [0, 0.1, 0.4]]],
    }),
    way("62,14 40,2 16,12 14,36 36,50 58,38 62,14 | 64,4 62,98", {
      parts: ["body", "stem"], rings: [0], bars: [0], joins: [[[0, 0, 0.2], [0, 0.8, 1]]],
    }),
  ],
]
