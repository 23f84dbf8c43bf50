// What somebody has practised. Kept on this device alone, in the browser's local storage.

import { slot } from "../storage.js"
import { REMEMBERED } from "./choosing.js"
import { resampled } from "./strokes.js"

const KINDS = ["see", "hear", "heart"]
const MOST_STROKES = 8 // kept of a drawing
const MOST_POINTS = 80 // kept of a stroke
const MOST_TRIES = 1_000_000

/**
 * digits: chosen ones. kind: of exercise. leftHanded.
 * records[digit]: {tried, right, last, drawing}: exercises; how many went right at once; whether the last ones did; the
 * last drawing, strokes of {x, y} in a box of 0 to 1.
 */
const fresh = () => ({
  digits: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
  kind: "see",
  leftHanded: false,
  records: Array.from({ length: 10 }, () => ({ tried: 0, right: 0, last: [], drawing: [] })),
})

const device = slot(() => localStorage, "mmdigit.learn")

/** What is kept; change it by keep, note and forget alone. */
export const kept = stored()

/** Keep what was chosen. */
export function keep(changes) {
  Object.assign(kept, changes)
  device.write(kept)
}

/** Note a try. first: of its exercise, so that it counts; every try's drawing is kept until the next. */
export function note(digit, { right, first, strokes }) {
  const record = kept.records[digit]
  if (first) {
    record.tried += 1
    record.right += right ? 1 : 0
    record.last = [...record.last, right].slice(-REMEMBERED)
  }
  record.drawing = shortened(strokes)
  device.write(kept)
}

/** Forget everything, here and in the browser. */
export function forget() {
  Object.assign(kept, fresh())
  device.forget()
}

/** A drawing with fewer points, three digits each. */
function shortened(strokes) {
  const round = (number) => Math.round(number * 1000) / 1000
  return strokes.slice(0, MOST_STROKES).map((stroke) =>
    (stroke.length > MOST_POINTS ? resampled(stroke, MOST_POINTS) : stroke).map(({ x, y }) => ({ x: round(x), y: round(y) })),
  )
}

/** What the browser has, where it is as expected; anything could stand there. */
function stored() {
  const found = fresh()
  const old = device.read()
  if (typeof old !== "object" || old === null) return found
  const digits = Array.isArray(old.digits) ? found.digits.filter((digit) => old.digits.includes(digit)) : []
  if (digits.length > 0) found.digits = digits
  if (KINDS.includes(old.kind)) found.kind = old.kind
  found.leftHanded = old.leftHanded === true
  found.records = found.records.map((record, digit) => recordOf(old.records?.[digit]) ?? record)
  return found
}

function recordOf(old) {
  const count = (number) => Number.isInteger(number) && number >= 0 && number <= MOST_TRIES
  if (!count(old?.tried) || !count(old.right) || old.right > old.tried) return null
  if (!Array.isArray(old.last) || !old.last.every((right) => typeof right === "boolean")) return null
  const drawn = Array.isArray(old.drawing) && old.drawing.length <= MOST_STROKES && old.drawing.every(isStroke)
  return { tried: old.tried, right: old.right, last: old.last.slice(-REMEMBERED), drawing: drawn ? old.drawing : [] }
}

function isStroke(stroke) {
  return Array.isArray(stroke) && stroke.length > 0 && stroke.length <= MOST_POINTS && stroke.every(isPoint)
}

function isPoint(point) {
  return [point?.x, point?.y].every((number) => typeof number === "number" && number >= 0 && number <= 1)
}
