// The runs of neighbouring pieces of a line that may hold one digit: as the model's images, and what they look like. The
// same as mmdigit/numbers/spans.py and span_model.py.

import { layOut } from "../decoding/image.js"
import { clip, largestAt, sum } from "../decoding/primitives/numbers.js"
import { crop, map } from "../decoding/primitives/planes.js"

// Fractions of the usual digit's height.
const MAX_WIDTH = 1.6
const MIN_HEIGHT = 0.35
const MAX_HEIGHT = 1.9
const MAX_PIECES_IN_SPAN = 9
const NEAR = 0.3
const NOVELTY_RANGE = 8
const LEAST_TOP = -3
const N_DIGITS = 10

/** Spans: {first, last, box: {left, top, right, bottom}, shape}: the pieces first to last - 1; 14 numbers. */
export function findLineSpans(cut, height) {
  const { pieces } = cut
  const middle = sum(pieces, ({ top, bottom, area }) => ((top + bottom) / 2) * area) / sum(pieces, ({ area }) => area)
  const spans = []
  for (let first = 0; first < pieces.length; first++) {
    for (let last = first + 1; last <= Math.min(pieces.length, first + MAX_PIECES_IN_SPAN); last++) {
      const inside = pieces.slice(first, last)
      const box = around(inside)
      if (box.right - box.left > MAX_WIDTH * height) {
        if (inside.at(-1).left - box.left > MAX_WIDTH * height) break
        continue
      }
      const tall = box.bottom - box.top
      if (!(tall >= MIN_HEIGHT * height && tall <= MAX_HEIGHT * height)) continue
      spans.push({ first, last, box, shape: shapeOf(cut, first, last, box, height, middle) })
    }
  }
  return spans
}

const around = (pieces) => ({
  left: Math.min(...pieces.map(({ left }) => left)),
  top: Math.min(...pieces.map(({ top }) => top)),
  right: Math.max(...pieces.map(({ right }) => right)),
  bottom: Math.max(...pieces.map(({ bottom }) => bottom)),
})

/** As SHAPES of spans.py names them. */
function shapeOf({ pieces, cutInk }, first, last, box, height, middle) {
  const inside = pieces.slice(first, last)
  const area = sum(inside, (piece) => piece.area)
  const [wide, tall] = [(box.right - box.left) / height, (box.bottom - box.top) / height]
  let [end, gap] = [inside[0].right, 0]
  for (const piece of inside.slice(1)) {
    gap = Math.max(gap, piece.left - end)
    end = Math.max(end, piece.right)
  }
  const parts = new Map()
  for (const piece of inside) parts.set(piece.component, (parts.get(piece.component) ?? 0) + piece.area)
  const near = [...pieces.slice(Math.max(0, first - 3), first), ...pieces.slice(last, last + 3)]
  const others = sum(near, (piece) => piece.area * shareWithin(piece, box))
  const before = first > 0 ? box.left - pieces[first - 1].right : NEAR * height
  const after = last < pieces.length ? pieces[last].left - box.right : NEAR * height
  return [
    wide, wide ** 2, tall, tall ** 2, Math.abs((box.top + box.bottom) / 2 - middle) / height,
    Math.min(1, cutInk[first] / height), Math.min(1, cutInk[last] / height), gap / height,
    area / height ** 2, Math.min(3, parts.size), 1 - Math.max(...parts.values()) / area,
    others / area,
    clip(before / height, -NEAR, NEAR), clip(after / height, -NEAR, NEAR),
  ]
}

function shareWithin(piece, { left, top, right, bottom }) {
  const wide = Math.max(0, Math.min(right, piece.right) - Math.max(left, piece.left))
  const tall = Math.max(0, Math.min(bottom, piece.bottom) - Math.max(top, piece.top))
  return (wide * tall) / Math.max(1, (piece.right - piece.left) * (piece.bottom - piece.top))
}

/** A span's ink alone as the model's image, Float32Array(784). ink: grey, of the line. */
export function layOutSpan(ink, partOf, { first, last, box: { left, top, right, bottom } }) {
  const [wide, tall] = [right - left, bottom - top]
  const parts = crop({ ...ink, data: partOf }, left, top, wide, tall).data
  const own = map(crop(ink, left, top, wide, tall), (value, at) => (parts[at] >= first && parts[at] < last ? value : 0))
  return layOut(own).data
}

/**
 * The logarithm of the odds that a span is exactly one digit, by a small network. logChances: of each digit; noveltyLogit:
 * of the model. fitted: written.json.
 */
export function singleDigitOdds(logChances, noveltyLogit, shape, fitted) {
  const digit = Array.from({ length: N_DIGITS }, (_, each) => (each === largestAt(logChances) ? 1 : 0))
  const top = Math.max(Math.max(...logChances), LEAST_TOP)
  const features = [clip(noveltyLogit, -NOVELTY_RANGE, NOVELTY_RANGE), top, ...shape, ...digit, ...digit.map((each) => each * shape[0])]
  const values = features.map((value, at) => (value - fitted.mean[at]) / fitted.scale[at])
  return fitted.hidden_bias.reduce((total, bias, unit) => {
    const input = values.reduce((found, value, at) => found + value * fitted.hidden[at][unit], bias)
    return total + Math.tanh(input) * fitted.output[unit]
  }, fitted.output_bias)
}
