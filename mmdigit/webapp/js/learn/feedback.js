// What a teacher would say about a written digit. Pure: strokes and the model's reading in, remarks out.

import { FORMS } from "./forms.js"
import { lineRemarks } from "./lines.js"
import { fit } from "./match.js"
import { WAYS } from "./shapes.js"
import { boxOf, cleaned, fromBox, mirrored, placeIn, turned } from "./strokes.js"

export const SAME = 0.35 // the largest cost of a fit that is the same digit
const SAME_BY_KEYS = 0.45 // with corners where there should be curves
const CLEARLY = 0.7 // what another explanation than the target may cost, for the target's cost
const LEAST = 0.05 // and how much less at least: a straight line is its own mirror image
const SURE = 0.9 // the model's confidence that it does not doubt
const LIKELY = 0.2 // a digit that the model does not exclude
const SMALL = 0.3 // of the pad's side
const EDGE = 0.012 // nearer to the edge of the pad, the rest may be missing
const MOST_REMARKS = 2
const CAN_BE_MIRRORED = [1, 2, 3, 4, 5, 6, 7, 9]
const CAN_BE_TURNED = [2, 4, 5, 6, 7, 9]

/**
 * strokes: as the pad has them, in a box of 0 to 1. target: the digit that was asked for.
 * reading: of the picture, by js/model/reader.js, and reversed: of the picture seen in a mirror; null without the model.
 * leftHanded: the 0 and the 8 may go the other way round. byKeys: drawn by keyboard, so with corners.
 *
 * Returns {right, praise, remarks}. right: it reads as the target. praise: what went well: "right", "begun", "lines",
 * "size" or "tried"; null on an empty pad. remarks: at most two, the most helpful first: {code, ...}, by code (texts:
 * learn.remark.CODE):
 *   empty, not_a_digit, mirrored, upside_down, looks_like {other}, could_be {one, other}, missing {part, line},
 *   open, closed {place, at}, start, one_line {place, at, number}, reversed {part, place, at, number}, turning, order {part}, small, edge
 * place: in words' keys (placeIn of js/learn/strokes.js); at: on the pad; number: of the stroke that begins there; line: where the missing stroke belongs.
 */
export function feedback({ strokes, target, reading = null, reversed = null, leftHanded = false, byKeys = false }) {
  const written = cleaned(strokes)
  if (written.length === 0) return { right: false, praise: null, remarks: [{ code: "empty" }] }
  const limit = byKeys ? SAME_BY_KEYS : SAME
  const shape = shapeOf(written, target, limit)
  const { right, said } = weigh(shape, target, reading, reversed)
  const drawn = shape.own !== null && shape.own.cost <= limit && ["target", "nothing"].includes(shape.says)
  const lines = drawn && (right || said[0].code === "could_be") ? lineRemarks(shape.fits, { leftHanded, byKeys }) : []
  return {
    right,
    praise: praiseOf(right, strokes, shape.says),
    remarks: [...said, ...lines, ...sizeRemarks(strokes)].slice(0, MOST_REMARKS),
  }
}

/**
 * What the strokes look like: {says, own, fits, other, lacking}. says: "target", "mirrored", "upside_down", "missing",
 * "other" or "nothing". own: the best fit to the target; fits: all fits that are about as good, each with its way.
 */
function shapeOf(written, target, limit) {
  const fits = fitsTo(written, FORMS[target])
  const own = fits[0] ?? null
  const others = WAYS.map((_, digit) => ({ digit, cost: digit === target ? Infinity : costOf(written, digit) }))
  const other = others.reduce((best, next) => (next.cost < best.cost ? next : best))
  const lacking = lackingPart(written, target)
  const unless = (cost) => Math.max(cost / CLEARLY, cost + LEAST)
  const said = [
    { says: "target", cost: own?.cost ?? Infinity },
    { says: "mirrored", cost: unless(CAN_BE_MIRRORED.includes(target) ? costOf(mirrored(written), target) : Infinity) },
    { says: "upside_down", cost: unless(CAN_BE_TURNED.includes(target) ? costOf(turned(written), target) : Infinity) },
    { says: "missing", cost: unless(lacking.cost) },
    { says: "other", cost: unless(other.cost) },
  ].filter(({ cost }) => cost <= limit / CLEARLY)
  const best = said.reduce((found, next) => (next.cost < found.cost ? next : found), { says: "nothing", cost: Infinity })
  // A 6 on its head is a 9: one cause for both.
  const headOver = [6, 9].includes(target) && best.says === "other" && other.digit === 15 - target
  const says = headOver ? "upside_down" : best.says === "target" && best.cost > limit ? "nothing" : best.says
  return { says, own, fits, other: other.digit, lacking }
}

function fitsTo(written, ways) {
  const found = ways.map((way) => ({ way, ...fit(written, way) })).filter(({ cost }) => cost !== undefined)
  return found.sort((a, b) => a.cost - b.cost)
}

const costOf = (written, digit) => fitsTo(written, WAYS[digit])[0]?.cost ?? Infinity

/** The best fit to a way that lacks one of its strokes: {cost, part, line}; line: where it belongs. */
function lackingPart(written, digit) {
  let best = { cost: Infinity, part: null, line: [] }
  for (const way of WAYS[digit]) {
    way.parts.forEach((part, k) => {
      if (part === "body" || part === "foot") return
      const rest = { ...way, strokes: way.strokes.toSpliced(k, 1), rings: way.rings.filter((ring) => ring < k) }
      const cost = fit(written, rest)?.cost ?? Infinity
      if (cost >= best.cost) return
      best = { cost, part, line: way.strokes[k].map(fromBox(boxOf(rest.strokes), boxOf(written))) }
    })
  }
  return best
}

/** Whether it reads as the target, by the strokes and by the model, and what to say of that: {right, said}. */
function weigh(shape, target, reading, reversed) {
  const known = reading !== null && !reading.reasons.includes("not_a_digit")
  const sure = known && reading.confidence >= SURE
  const likely = known ? likeliest(reading.probabilities) : []
  const mirror = reversed !== null && reversed.label === target && reversed.confidence >= SURE && reading.label !== target
  const wrong = (code, more = {}) => ({ right: false, said: [{ code, ...more }] })
  if (shape.says === "target") {
    if (likely.length === 2 && likely.includes(target)) return wrong("could_be", inOrder(likely))
    if (sure && reading.label !== target) return wrong("could_be", inOrder([target, reading.label]))
    return { right: true, said: [] }
  }
  const missing = shape.says === "missing" ? [{ code: "missing", part: shape.lacking.part, line: shape.lacking.line }] : []
  // The model reads it, though a stroke is missing or js/learn/shapes.js does not know this way of writing.
  if (sure && reading.label === target && !(shape.says === "mirrored" && reversed?.label === target)) return { right: true, said: missing }
  if (["mirrored", "upside_down"].includes(shape.says)) return wrong(shape.says)
  if (missing.length > 0) return { right: false, said: missing }
  if (shape.says === "other" && (!known || reading.label === shape.other)) return wrong("looks_like", { other: shape.other })
  if (mirror && CAN_BE_MIRRORED.includes(target)) return wrong("mirrored")
  if (sure) return wrong("looks_like", { other: reading.label })
  if (likely.length === 2) return wrong("could_be", inOrder(likely))
  return wrong("not_a_digit")
}

function inOrder(digits) {
  const [one, other] = digits.toSorted((a, b) => a - b)
  return { one, other }
}

/** The two likeliest digits if the model excludes neither, otherwise the likeliest. */
function likeliest(probabilities) {
  const order = [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a])
  return order.slice(0, probabilities[order[1]] >= LIKELY ? 2 : 1)
}

function sizeRemarks(strokes) {
  const box = boxOf(strokes)
  const atEdge = Math.min(box.left, box.top, 1 - box.right, 1 - box.bottom) < EDGE
  return [...(box.size < SMALL ? [{ code: "small" }] : []), ...(atEdge ? [{ code: "edge" }] : [])]
}

function praiseOf(right, strokes, says) {
  if (right) return "right"
  if (["mirrored", "upside_down"].includes(says)) return "lines"
  if (["target", "missing"].includes(says) && placeIn(boxOf(strokes), strokes[0][0]).startsWith("top")) return "begun"
  return sizeRemarks(strokes).length === 0 ? "size" : "tried"
}
