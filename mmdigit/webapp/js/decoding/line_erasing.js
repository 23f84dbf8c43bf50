// Takes lines out of the ink and keeps the strokes that cross them: the second half of
// mmdigit/reading/image/lines.py.
//
// A line is {start, stop, slope, top, bottom, upright}: it runs down the image, or down the transposed image if not
// upright; columns start:stop, rows top:bottom.

import { dilate } from "./primitives/morphology.js"
import { round } from "./primitives/numbers.js"
import { flag, flags, map, transpose } from "./primitives/planes.js"
import { percentiles } from "./percentiles.js"

/** How dark a line is where no stroke covers it: strokes only raise the upper percentiles. */
export function darkness(ink, line) {
  const upright = line.upright ? ink : transpose(ink)
  const inside = uprightBand(upright, line)
  const darkest = new Float32Array(upright.height)
  for (let at = 0; at < inside.data.length; at++) {
    const row = Math.floor(at / upright.width)
    if (inside.data[at] && upright.data[at] > darkest[row]) darkest[row] = upright.data[at]
  }
  return percentiles(darkest, 30)[0]
}

/** Erase the lines, but keep strokes that cross them: ink on both sides, or far darker than the line. */
export function erase(ink, lines) {
  if (lines.length === 0) return ink
  const bands = lines.map((line) => band(ink, line))
  const [upright, flat] = [true, false].map((side) => union(ink, bands.filter((_, at) => lines[at].upright === side)))
  const clear = map(ink, (value, at) => (upright.data[at] || flat.data[at] ? 0 : value))
  const crossing = new Float32Array(ink.data.length)
  lines.forEach((line, number) => {
    const darker = Math.fround(1.6 * darkness(ink, line) + 0.05)
    const across = inkAcross(line.upright ? clear : transpose(clear), line)
    for (let at = 0; at < crossing.length; at++) {
      if (!bands[number].data[at] || (upright.data[at] && flat.data[at])) continue // dark where two lines cross
      const value = ink.data[at]
      const place = line.upright ? Math.floor(at / ink.width) : at % ink.width
      crossing[at] = Math.max(crossing[at], value > darker ? value : Math.min(value, across[place]))
    }
  })
  return map(clear, (value, at) => Math.max(value, crossing[at]))
}

function union(ink, bands) {
  const all = flags(ink.width, ink.height)
  return bands.length === 0 ? all : flag(all, (_, at) => bands.some((each) => each.data[at]))
}

/** The pixels of a line with its blurred edges. */
function band(ink, line) {
  if (line.upright) return uprightBand(ink, line)
  return transpose(uprightBand({ width: ink.height, height: ink.width }, line))
}

function uprightBand({ width, height }, line) {
  const { starts, stops } = edges(width, height, line)
  const made = flags(width, height)
  for (let row = 0; row < height; row++) {
    const first = row * width + Math.max(0, starts[row])
    const last = row * width + Math.min(width, stops[row])
    if (first < last) made.data.fill(1, first, last)
  }
  return made
}

/** The first and last column of a line with its blurred edges, for each row of an image where it is upright. */
function edges(width, height, line) {
  const blur = 1 + round(0.012 * width)
  const middle = (row) => -line.slope * (row - height / 2)
  const rows = { length: height }
  return {
    starts: Array.from(rows, (_, row) => Math.floor(line.start + middle(row)) - blur),
    stops: Array.from(rows, (_, row) => Math.ceil(line.stop + middle(row)) + blur),
  }
}

/** The ink on both sides of an upright line, for each row, where strokes may cross it at a slant. */
function inkAcross(clear, line) {
  const { width, height, data } = clear
  const { starts, stops } = edges(width, height, line)
  const slant = (stops[0] - starts[0]) | 1
  const at = (row, column) => (column >= 0 && column < width ? data[row * width + column] : 0)
  const side = (darkest) => {
    const data = Float32Array.from({ length: height }, (_, row) => darkest(row))
    return dilate({ width: 1, height, data }, 1, slant).data
  }
  const before = side((row) => Math.max(at(row, starts[row] - 1), at(row, starts[row] - 3)))
  const after = side((row) => Math.max(at(row, stops[row]), at(row, stops[row] + 2)))
  return before.map((value, row) => Math.min(value, after[row]))
}
