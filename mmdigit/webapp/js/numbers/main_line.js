// The line with the most ink among components of ink: the part of mmdigit/numbers/line_ink.py that finds it.

import { connectedComponents } from "../decoding/primitives/components.js"
import { leastSquares } from "../decoding/primitives/least_squares.js"
import { clip, sum } from "../decoding/primitives/numbers.js"

const MIN_DIGIT_HEIGHT = 0.45
const MAX_SLOPE = 0.35
const SLOPES = 29
const CENTRES = 24
const OTHER_LINE = 0.5

/**
 * {left, right, middle, slope, height, several, mass}: a line's middle from left to right, at the centre between them, and
 * the height of its digits, pixels; whether there is another; its inked pixels less those that are none of it. null if
 * there is none. inked: flags. expected: a digit's height at most.
 */
export function findMainLine(inked, expected) {
  const every = connectedComponents(inked).parts.slice(1)
  const likely = every.filter(({ height, area }) => height >= 0.15 * expected && height <= 2.5 * expected && area >= 6)
  if (likely.length === 0) return null
  const usual = usualHeight(likely) // that of the half of the ink in the higher components
  const digits = likely
    .filter(({ height }) => height >= MIN_DIGIT_HEIGHT * usual && height <= 2.2 * usual)
    .map((part) => ({ ...part, x: part.left + part.width / 2, y: part.top + part.height / 2 }))
  const { slope, chosen } = mainLine(digits, usual)
  const onLine = digits.filter((_, at) => chosen[at])
  const middle = weightedMean(onLine, ({ x, y }) => y - slope * x)
  const area = sum(onLine, (part) => part.area)
  const rest = sum(digits.filter(({ x, y }) => Math.abs(y - slope * x - middle) > 0.9 * usual), (part) => part.area)
  const left = Math.min(...onLine.map((part) => part.left))
  const right = Math.max(...onLine.map((part) => part.left + part.width))
  return {
    left,
    right,
    middle: middle + (slope * (left + right)) / 2,
    slope,
    height: usualHeight(onLine),
    several: rest >= OTHER_LINE * area,
    mass: Math.max(1, area - (sum(every, (part) => part.area) - area)),
  }
}

function usualHeight(parts) {
  const ordered = [...parts].sort((one, other) => one.height - other.height)
  const half = 0.5 * sum(parts, (part) => part.area)
  let share = 0
  return ordered.find((part) => (share += part.area) >= half).height
}

const weightedMean = (parts, of) => sum(parts, (part) => part.area * of(part)) / sum(parts, (part) => part.area)

/** {slope, chosen}: of the line through the most ink; whether each component is on it. */
function mainLine(parts, height) {
  let best = { score: -1, on: parts.map(() => false) }
  const largest = [...parts.keys()].sort((one, other) => parts[other].area - parts[one].area).slice(0, CENTRES)
  for (let number = 0; number < SLOPES; number++) {
    const slope = -MAX_SLOPE + (number * 2 * MAX_SLOPE) / (SLOPES - 1)
    const level = parts.map(({ x, y }) => y - slope * x)
    for (const at of largest) {
      const on = level.map((each) => Math.abs(each - level[at]) <= 0.5 * height)
      const { area, spread } = inkOn(parts, level, on)
      const score = area * (1 - 0.5 * Math.min(1, spread / (0.3 * height) ** 2) - 0.3 * Math.abs(slope))
      if (score > best.score) best = { score, on }
    }
  }
  return refined(parts, best.on, height)
}

/** {area, spread}: the ink of some components, and the variance of their levels. */
function inkOn(parts, level, on) {
  let [area, first, second] = [0, 0, 0]
  parts.forEach((part, at) => {
    if (!on[at]) return
    area += part.area
    first += part.area * level[at]
  })
  parts.forEach((part, at) => {
    if (on[at]) second += part.area * (level[at] - first / area) ** 2
  })
  return { area, spread: second / area }
}

/** The slope by least squares; a short line is level. */
function refined(parts, on, height) {
  const chosen = parts.filter((_, at) => on[at])
  const xs = chosen.map(({ x }) => x)
  const extent = Math.max(...xs) - Math.min(...xs)
  const near = (levels, middle) => on.map((each, at) => each || Math.abs(levels[at] - middle) <= 0.6 * height)
  if (chosen.length < 3 || extent < 1.5 * height) {
    return { slope: 0, chosen: near(parts.map(({ y }) => y), weightedMean(chosen, ({ y }) => y)) }
  }
  const weights = chosen.map(({ area }) => Math.sqrt(area))
  const column = (of) => Float64Array.from(chosen, (part, at) => of(part) * weights[at])
  const [fitted] = leastSquares([column(({ x }) => x), column(() => 1)], column(({ y }) => y))
  const slope = clip(fitted, -MAX_SLOPE, MAX_SLOPE) * Math.min(1, (extent / height - 1) / 3)
  const level = ({ x, y }) => y - slope * x
  return { slope, chosen: near(parts.map(level), weightedMean(chosen, level)) }
}
