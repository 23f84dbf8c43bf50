// Cuts a component of ink that may hold several digits: the part of mmdigit/numbers/pieces.py that finds the paths. A path
// has a column for each row.

import { round, sum } from "../decoding/primitives/numbers.js"

const MIN_CUT_WIDTH = 0.45
const MIN_PART_WIDTH = 0.08
const CUT_INK = 0.6
const SIDEWAYS = 0.12
const VALLEY_DEPTH = 0.08
const VALLEYS_APART = 0.7
const MAX_VALLEYS = 8
const MAX_CUTS = 6
const MAX_CUTS_IN_ALL = 64

/**
 * {zones, crossed}: the part of the component that each of its pixels belongs to, Int32Array; the ink that each cut between
 * parts crosses. ink: grey, 0 outside of the component; mask: flags of it; height: of the line's usual digit, pixels.
 */
export function findZones(ink, mask, height) {
  const { width: wide, height: tall } = ink
  const zones = new Int32Array(wide * tall)
  if (wide < MIN_CUT_WIDTH * height || tall < 3) return { zones, crossed: [] }
  const down = pathCosts(ink, ink.data.subarray(0, wide))
  const upwards = flipped(ink)
  const up = pathCosts(upwards, upwards.data.subarray(0, wide))
  const least = Math.max(2, round(MIN_PART_WIDTH * height))
  const most = Math.min(MAX_CUTS_IN_ALL, round(MAX_CUTS * Math.max(1, wide / height)))
  // Through each pixel goes a best path; those through the middle row and through two others are candidates.
  const rows = [...new Set([tall >> 1, tall >> 2, Math.floor((3 * tall) / 4)])]
  const paths = rows.flatMap((row) => {
    const through = Float64Array.from({ length: wide }, (_, column) =>
      down.cost[row * wide + column] + up.cost[(tall - 1 - row) * wide + column] - ink.data[row * wide + column])
    return lowest(through)
      .filter((column) => through[column] <= CUT_INK * height && column >= least && column < wide - least)
      .map((column) => trace(down.came, up.came, { wide, tall }, row, column))
  })
  paths.push(...betweenValleys(ink, mask, height))
  const candidates = paths.map((path) => ({ path, cost: inkAlong(ink, path) }))
  const taken = []
  for (const candidate of candidates.sort((one, other) => one.cost - other.cost)) {
    if (candidate.cost > CUT_INK * height || taken.length >= most) break
    if (taken.every(({ path }) => meanGap(candidate.path, path) >= least)) taken.push(candidate)
  }
  taken.sort((one, other) => sum(one.path) - sum(other.path))
  for (const { path } of taken) {
    for (let row = 0; row < tall; row++) for (let column = path[row]; column < wide; column++) zones[row * wide + column] += 1
  }
  return { zones, crossed: taken.map(({ cost }) => cost) }
}

function inkAlong({ width, data }, path) {
  let total = 0
  path.forEach((column, row) => (total += data[row * width + column]))
  return total
}

const meanGap = (one, other) => sum(one.map((column, row) => Math.abs(column - other[row]))) / one.length

/** The columns where the smoothed values are lowest among five. */
function lowest(values) {
  const at = (place) => values[Math.min(Math.max(place, 0), values.length - 1)]
  const smooth = values.map((_, place) => 0.25 * at(place - 1) + 0.5 * at(place) + 0.25 * at(place + 1))
  return [...smooth.keys()].filter((place) =>
    [-2, -1, 1, 2].every((step) => !(smooth[place + step] < smooth[place])))
}

function flipped({ width, height, data }) {
  const turned = new data.constructor(data.length)
  for (let row = 0; row < height; row++) turned.set(data.subarray(row * width, (row + 1) * width), (height - 1 - row) * width)
  return { width, height, data: turned }
}

/**
 * Paths from a valley of the upper outline to one of the lower: two strokes may touch along some of their length, where a
 * path through the least ink goes through a loop instead.
 */
function betweenValleys(ink, mask, height) {
  const upper = valleys(mask, height).slice(0, MAX_VALLEYS)
  const lower = valleys(flipped(mask), height).slice(0, MAX_VALLEYS)
  if (upper.length === 0 || lower.length === 0) return []
  const { width: wide, height: tall } = ink
  const filled = { width: wide, height: tall, data: ink.data.slice() }
  for (const hole of holes(mask)) filled.data[hole] = 1 // a loop is no way around a join
  return upper.flatMap((column) => {
    const start = new Float64Array(wide).fill(Infinity)
    start[column] = filled.data[column]
    const { cost, came } = pathCosts(filled, start)
    return lower
      .filter((end) => Math.abs(end - column) <= VALLEYS_APART * height && Number.isFinite(cost[(tall - 1) * wide + end]))
      .map((end) => trace(came, null, { wide, tall }, tall - 1, end))
  })
}

/** The pixels inside of loops: not of the component, and no way leads from them to the outside. */
function holes({ width, height, data }) {
  const outside = new Uint8Array(data.length)
  const waiting = []
  const visit = (row, column) => {
    const at = row * width + column
    if (row < 0 || row >= height || column < 0 || column >= width || data[at] || outside[at]) return
    outside[at] = 1
    waiting.push(at)
  }
  for (let row = 0; row < height; row++) for (const column of [0, width - 1]) visit(row, column)
  for (let column = 0; column < width; column++) for (const row of [0, height - 1]) visit(row, column)
  while (waiting.length > 0) {
    const at = waiting.pop()
    const [row, column] = [Math.floor(at / width), at % width]
    visit(row - 1, column)
    visit(row + 1, column)
    visit(row, column - 1)
    visit(row, column + 1)
  }
  return [...data.keys()].filter((at) => !data[at] && !outside[at])
}

/** The columns where the upper outline is deepest between two rises, the deepest first. */
function valleys({ width, height: tall, data }, height) {
  const depth = Float64Array.from({ length: width }, (_, column) => {
    let row = 0
    while (row < tall && !data[row * width + column]) row++
    return row
  })
  const [left, right] = [drop(depth), drop(depth.slice().reverse()).reverse()]
  const deeper = left.map((value, column) => Math.min(value, right[column]))
  const half = (Math.max(3, round(2 * MIN_PART_WIDTH * height)) | 1) >> 1
  const isDeepest = (column) => {
    for (let near = Math.max(0, column - half); near <= Math.min(width - 1, column + half); near++) if (depth[near] > depth[column]) return false
    return deeper[column] >= VALLEY_DEPTH * height
  }
  return [...depth.keys()].filter(isDeepest).sort((one, other) => deeper[other] - deeper[one])
}

/** How far each column lies below the highest one before it. */
function drop(depth) {
  let highest = Infinity
  return depth.map((value) => value - (highest = Math.min(highest, value)))
}

/**
 * {cost, came}: the least cost of a path from the first row to each pixel, its own ink included, Float64Array; from which
 * side it came, Int8Array. start: what paths pay for their first pixel.
 */
function pathCosts({ width, height, data }, start) {
  const cost = new Float64Array(width * height)
  const came = new Int8Array(width * height)
  cost.set(start)
  for (let row = 1; row < height; row++) {
    const before = (row - 1) * width
    for (let column = 0; column < width; column++) {
      let best = column > 0 ? cost[before + column - 1] + SIDEWAYS : Infinity
      let side = -1
      if (cost[before + column] < best) {
        best = cost[before + column]
        side = 0
      }
      if (column < width - 1 && cost[before + column + 1] + SIDEWAYS < best) {
        best = cost[before + column + 1] + SIDEWAYS
        side = 1
      }
      const at = row * width + column
      cost[at] = best + data[at]
      came[at] = side
    }
  }
  return { cost, came }
}

/** The path through a pixel. cameDown: whence a path came from above; cameUp: from below, of the flipped component. */
function trace(cameDown, cameUp, { wide, tall }, row, column) {
  const path = new Int32Array(tall)
  path[row] = column
  for (let above = row; above > 0; above--) path[above - 1] = path[above] + cameDown[above * wide + path[above]]
  for (let below = row; below < tall - 1; below++) {
    path[below + 1] = path[below] + cameUp[(tall - 1 - below) * wide + path[below]]
  }
  return path
}
