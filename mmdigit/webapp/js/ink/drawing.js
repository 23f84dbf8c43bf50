// Strokes as lines: on the pad, and as pictures to read.
//
// A stroke is an array of points {x, y, t}: x and y in heights of the pad, from its upper left corner; t in milliseconds.

import { paper, png } from "../canvas.js"

export const PEN = 0.055 // width of the pen's line, in heights of the pad

const PICTURE_HEIGHT = 280 // pixels, of a picture of the whole pad
const DIGIT_SIDE = 160 // pixels, the longest side of one digit's strokes in its picture
const MARGIN = 40 // pixels around one digit
const THINNEST = 0.07 // of one digit's longest side: what is written very large would fade
const THICKEST = 0.13 // what is written very small would close its loops

/** Draw strokes with round ends, smooth through the middles between their points. scale: pixels for a height of the pad. */
export function drawStrokes(context, strokes, { scale, width = PEN, left = 0, top = 0, colour }) {
  context.strokeStyle = context.fillStyle = colour
  context.lineWidth = width * scale
  context.lineCap = context.lineJoin = "round"
  for (const stroke of strokes) {
    const points = stroke.map(({ x, y }) => [(x - left) * scale, (y - top) * scale])
    context.beginPath()
    if (points.every(([x, y]) => x === points[0][0] && y === points[0][1])) {
      context.arc(...points[0], context.lineWidth / 2, 0, 2 * Math.PI)
      context.fill()
      continue
    }
    context.moveTo(...points[0])
    for (let i = 1; i < points.length - 1; i++) {
      const [x, y] = points[i]
      context.quadraticCurveTo(x, y, (x + points[i + 1][0]) / 2, (y + points[i + 1][1]) / 2)
    }
    context.lineTo(...points.at(-1))
    context.stroke()
  }
}

/** The pad as a PNG, dark ink on white. aspect: its width in heights. */
export function padPicture(strokes, aspect) {
  const canvas = paper(PICTURE_HEIGHT * aspect, PICTURE_HEIGHT)
  drawStrokes(canvas.getContext("2d"), strokes, { scale: PICTURE_HEIGHT, colour: "#000" })
  return png(canvas)
}

/** The strokes of one digit as a PNG, dark ink on white, as large and as bold wherever and however large it was written. */
export function digitPicture(strokes) {
  const { left, right, top, bottom } = box(strokes)
  const side = Math.max(right - left, bottom - top, PEN)
  const scale = DIGIT_SIDE / side
  const width = Math.min(Math.max(PEN, THINNEST * side), THICKEST * side)
  const canvas = paper((right - left) * scale + 2 * MARGIN, (bottom - top) * scale + 2 * MARGIN)
  const at = { scale, width, left: left - MARGIN / scale, top: top - MARGIN / scale, colour: "#000" }
  drawStrokes(canvas.getContext("2d"), strokes, at)
  return png(canvas)
}

/** The box around strokes, at least one: {left, right, top, bottom}. */
export function box(strokes) {
  const xs = strokes.flat().map((point) => point.x)
  const ys = strokes.flat().map((point) => point.y)
  const least = (values) => values.reduce((a, b) => Math.min(a, b))
  const most = (values) => values.reduce((a, b) => Math.max(a, b))
  return { left: least(xs), right: most(xs), top: least(ys), bottom: most(ys) }
}
