// Removes the lines of printed boxes and ruled paper from a crop without cutting the digit, as
// mmdigit/reading/image/lines.py, which says how and why. Box lines are found here; line_erasing.js takes them out.

import { above, transpose } from "./primitives/planes.js"
import { connectedComponents } from "./primitives/components.js"
import { clip, largest, largestAt } from "./primitives/numbers.js"
import { otsuLevel } from "./primitives/otsu.js"
import { darkness, erase } from "./line_erasing.js"

const LINE_SLOPES = [0.0, -0.75, 0.75, -1.5, 1.5, -2.2, 2.2, -3.0, 3.0, -4.0, 4.0] // the flattest first
  .map((degrees) => Math.tan((degrees * Math.PI) / 180))
const MIN_LINE_LENGTH = 0.58
const MIN_BOX_SIDE = 0.4
const MIN_COVER = 0.75
const MAX_BOX_LINE_WIDTH = 0.16
const MAX_RULE_WIDTH = 0.07
const END_GAP = 0.03
const EDGE_ZONE = 0.24

/**
 * Remove the lines, and rejoin the strokes that cross them. ink: grey, 1 = ink; floor: fainter ink is the paper's
 * grain. Returns [ink, whether there was a box line].
 */
export function removeLines(ink, floor) {
  let hadLines = false
  for (let pass = 0; pass < 2; pass++) {
    const { outer, inner } = findLines(above(ink, Math.max(0.5 * otsu(ink), 0.6 * floor)))
    let cleared = erase(ink, outer)
    if (inner.length > 0) {
      const remaining = erase(ink, [...outer, ...inner])
      const darkest = Math.max(...inner.map((line) => darkness(ink, line)))
      const threshold = Math.max(0.5 * otsu(remaining), 0.6 * floor, 0.5 * darkest)
      if (hasDigitSize(above(remaining, threshold))) cleared = remaining
    }
    hadLines ||= outer.length > 0
    if (cleared === ink) break
    ink = cleared
  }
  return [ink, hadLines]
}

/** The threshold that best separates the values into two groups. */
export function otsu(values) {
  const highest = Math.max(largest(values.data), 1e-6)
  const scale = Math.fround(255 / highest)
  const levels = new Uint8Array(values.data.length)
  for (let at = 0; at < levels.length; at++) levels[at] = Math.fround(values.data[at] * scale)
  return ((otsuLevel(levels) + 0.5) * highest) / 255
}

/** The lines near the edges, and those through the middle, that run from edge to edge or from line to line. */
function findLines(inked) {
  const { width, height } = inked
  const found = [...uprightLines(inked, true), ...uprightLines(transpose(inked), false)]
  const outer = []
  const inner = []
  for (const line of found) {
    const [across, along] = line.upright ? [width, height] : [height, width]
    const crossingAt = found
      .filter((other) => other.upright !== line.upright && distance(other, along) <= EDGE_ZONE)
      .map((other) => (other.start + other.stop) / 2)
    const reach = Math.max(2, END_GAP * along)
    const isNear = (gap) => -2 * reach <= gap && gap <= EDGE_ZONE * along
    const toEdges = [line.top <= reach, line.bottom >= along - reach]
    const toLines = [crossingAt.some((at) => isNear(at - line.top)), crossingAt.some((at) => isNear(line.bottom - at))]
    const long = line.bottom - line.top >= MIN_LINE_LENGTH * along
    if (distance(line, across) <= EDGE_ZONE && long) {
      if ((toEdges[0] || toLines[0]) && (toEdges[1] || toLines[1])) outer.push(line)
    } else if (toEdges[0] && toEdges[1] && line.stop - line.start <= MAX_RULE_WIDTH * across) {
      inner.push(line)
    }
  }
  outer.push(...boxSides(found).filter((line) => !outer.includes(line)))
  return { outer, inner }
}

/** From a line to the nearest edge of the image, as a fraction of its side. */
function distance(line, size) {
  const middle = (line.start + line.stop) / 2
  return Math.min(middle, size - middle) / size
}

/** The four sides of a box that is wholly inside the image, which end at one another; none if there is no box. */
function boxSides(found) {
  const [upright, flat] = [true, false].map((flag) => found.filter((line) => line.upright === flag).sort(byPlace))
  if (upright.length < 2 || flat.length < 2) return []
  const sides = [upright[0], upright.at(-1), flat[0], flat.at(-1)]
  for (const line of sides) {
    const [first, last] = line.upright ? sides.slice(2) : sides.slice(0, 2)
    const near = 0.07 * (last.stop - first.start) + 2
    if (Math.abs(line.top - first.start) > near || Math.abs(line.bottom - last.stop) > near) return []
  }
  return sides
}

const byPlace = (a, b) =>
  a.start - b.start || a.stop - b.stop || a.slope - b.slope || a.top - b.top || a.bottom - b.bottom

function hasDigitSize(inked) {
  const sides = connectedComponents(inked).parts.slice(1).map((part) => Math.max(part.width, part.height))
  return Math.max(0, ...sides) > 0.2 * Math.max(inked.width, inked.height)
}

/** How far left each row moves, so that a line of each slope becomes upright: an array of rows for each slope. */
const shearOffsets = (height) => LINE_SLOPES.map((slope) =>
  Int32Array.from({ length: height }, (_, row) => Math.floor(slope * (height / 2 - row) + 0.5)))

/** The inked share of each column, sheared by each slope: an array of columns for each slope. */
function columnCover({ width, height, data }, offsets) {
  const covers = offsets.map(() => new Float64Array(width))
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      if (data[row * width + column] === 0) continue
      for (let slope = 0; slope < offsets.length; slope++) {
        const sheared = column - offsets[slope][row]
        if (sheared >= 0 && sheared < width) covers[slope][sheared] += 1
      }
    }
  }
  for (const cover of covers) for (let column = 0; column < width; column++) cover[column] /= height
  return covers
}

/** Straight runs of ink down the image, each along the slope that covers it best. */
function uprightLines(inked, upright) {
  const { width, height } = inked
  const offsets = shearOffsets(height)
  const covers = columnCover(inked, offsets)
  const best = Float64Array.from({ length: width }, (_, column) => Math.max(...covers.map((cover) => cover[column])))
  const lines = []
  for (let turn = 0; turn < 12; turn++) {
    const column = largestAt(best)
    const covered = best[column]
    if (covered < MIN_BOX_SIDE) break
    const slope = largestAt(covers.map((cover) => cover[column]))
    const cover = covers[slope]
    let start = column
    let stop = column + 1
    while (start > 0 && cover[start - 1] > 0.5 * covered) start -= 1
    while (stop < width && cover[stop] > 0.5 * covered) stop += 1
    best.fill(0, Math.max(0, start - 3), stop + 3)
    const beside = Math.max(cover[start - 3] ?? 0, cover[stop + 2] ?? 0)
    if (stop - start > Math.max(2, MAX_BOX_LINE_WIDTH * width) || beside > 0.35 * covered) continue
    const run = inkedRows(inked, offsets[slope], start, stop)
    const top = run.indexOf(1)
    const bottom = run.lastIndexOf(1) + 1
    let inkedAlong = 0
    for (let row = top; row < bottom; row++) inkedAlong += run[row]
    if (inkedAlong / (bottom - top) < MIN_COVER) continue
    lines.push({ start, stop, slope: LINE_SLOPES[slope], top, bottom, upright })
  }
  return lines
}

/** For each row of the sheared image, whether a column of start:stop is inked. What moves in is paper. */
function inkedRows({ width, height, data }, offsets, start, stop) {
  return Uint8Array.from({ length: height }, (_, row) => {
    const first = clip(start + offsets[row], 0, width)
    const last = clip(stop + offsets[row], 0, width)
    return data.subarray(row * width + first, row * width + last).includes(1) ? 1 : 0
  })
}
