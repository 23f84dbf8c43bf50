// What a teacher would say about how the lines of a digit were drawn, once it reads as the digit: from its strokes alone.

import { boxOf, fromBox, nearest, piece, placeIn } from "./strokes.js"

const ABOUT_AS_GOOD = 0.06 // a fit that costs this much more explains the strokes as well
const OPEN = 0.14 // the least gap that a person sees, for the digit's size
const OPEN_BY_KEYS = 0.2 // the pen moves in steps
const CLOSED = 0.09 // what is nearer looks closed
const UPPER = 0.4 // the part of the height where a ring may begin

/**
 * Remarks about the fits of a digit's ways (js/learn/match.js), the best first, the most helpful remark first.
 * The pen's path may be explained by several ways about as well: then the one with the least to remark counts.
 */
export function lineRemarks(fits, { leftHanded, byKeys }) {
  const close = fits.filter(({ cost }) => cost <= fits[0].cost + ABOUT_AS_GOOD)
  const all = close.map((found) => remarksOf(found, { leftHanded, byKeys }))
  return all.reduce((least, remarks) => (remarks.length < least.length ? remarks : least))
}

function remarksOf(found, { leftHanded, byKeys }) {
  const { way, strokes } = found
  const box = boxOf(strokes)
  const { size } = box
  const remarks = []
  for (const join of way.joins) {
    const gap = nearest(...join.map(([k, from, to]) => piece(strokes[k], from, to)))
    if (gap.distance > (byKeys ? OPEN_BY_KEYS : OPEN) * size) remarks.push({ code: "open", place: placeIn(box, gap.at), at: gap.at })
  }
  for (const gap of way.gaps) {
    const touch = nearest(...gap.map(([k, from, to]) => piece(strokes[k], from, to)))
    if (touch.distance < CLOSED * size) remarks.push({ code: "closed", place: placeIn(box, touch.at), at: touch.at })
  }
  return [...remarks, ...startRemarks(found, box, leftHanded)]
}

/** Where the pen began, which way it went, and in which order. */
function startRemarks({ way, strokes, order, reversed, bent }, box, leftHanded) {
  const wayBox = boxOf(way.strokes)
  const begin = (k) => ({
    place: placeIn(wayBox, way.strokes[k][0]), at: fromBox(wayBox, box)(way.strokes[k][0]), number: k + 1,
  })
  if (bent) return [{ code: "one_line", ...begin(0) }]
  const remarks = []
  way.strokes.forEach((_, k) => {
    if (way.bars.includes(k)) return
    if (way.rings.includes(k)) {
      const begun = reversed[k] ? strokes[k].at(-1) : strokes[k][0]
      const ring = boxOf([strokes[k]])
      if ((begun.y - ring.top) / ring.height > UPPER) remarks.push({ code: "start", ...begin(k), place: "top" })
      if (reversed[k] && !leftHanded) remarks.push({ code: "turning" })
    } else if (reversed[k]) {
      remarks.push({ code: "reversed", part: way.parts[k], ...begin(k) })
    }
  })
  if (!way.anyOrder && order.some((i, k) => i !== k)) remarks.push({ code: "order", part: way.parts.at(-1) })
  return remarks
}
