// Detects whether the ink of an image is dark or bright, as mmdigit/reading/image/polarity.py.

import { resizeArea } from "./primitives/area_resize.js"
import { gaussianBlur } from "./primitives/blur.js"
import { connectedComponents } from "./primitives/components.js"
import { close, open } from "./primitives/morphology.js"
import { clip, mean, round, variance } from "./primitives/numbers.js"
import { boundingRect, crop, flag, map } from "./primitives/planes.js"
import { percentiles } from "./percentiles.js"

const POLARITY_SIDE = 64
const POLARITY_WINDOWS = [5, 9, 17, 29]
const POLARITY_WEIGHTS = [4.4, 5.7, 11.8, -6.9, 2.0, -0.8]
const POLARITY_PRIOR = 1.0
const CORNER = 3
const PAPER_LEVEL = 0.75
const MAX_HOLE = 0.4
const RING = 3 // pixels of the border that are looked at

/** Whether the ink is darker than the paper. */
export function inkIsDark(grey) {
  const small = scaled(grey)
  const cues = polarityCues(small)
  const dark = cues.reduce((total, cue, at) => total + cue * POLARITY_WEIGHTS[at], POLARITY_PRIOR) > 0
  const edge = cues[4]
  if (Math.abs(edge) > 2 * PAPER_LEVEL - 1 && edge > 0 !== dark && paperInAllCorners(small, edge > 0)) return !dark
  return dark
}

/** Whether the border is paper that the ink touches, not a frame: judged by its corners and those of the ink. */
function paperInAllCorners(small, brightPaper) {
  const [low, high] = percentiles(small.data, 1, 99)
  const span = Math.max(high - low, 1e-6)
  const paper = map(small, (value) => (brightPaper ? (value - low) / span : 1 - (value - low) / span))
  if (Math.min(...corners(paper)) <= PAPER_LEVEL) return false
  const ink = flag(paper, (value) => value < 0.5)
  const { left, top, width, height } = boundingRect(ink)
  const touched = (left <= 1) + (top <= 1) + (left + width >= ink.width - 1) + (top + height >= ink.height - 1)
  const free = corners(crop(paper, left, top, width, height)).filter((corner) => corner > 0.5).length
  if (touched === 0 || touched + free < 3) return false
  return !connectedComponents(flag(ink, (value) => value === 0), 4).parts.slice(1).some((hole) => {
    const [right, bottom] = [hole.left + hole.width, hole.top + hole.height]
    const inside = hole.left > 0 && hole.top > 0 && right < ink.width && bottom < ink.height
    return inside && Math.max(hole.width, hole.height) >= MAX_HOLE * POLARITY_SIDE
  })
}

/** The mean level of each corner; NaN if there are no pixels. */
function corners(paper) {
  const [width, height] = [Math.min(CORNER, paper.width), Math.min(CORNER, paper.height)]
  return [0, paper.height - height].flatMap((top) =>
    [0, paper.width - width].map((left) => mean(crop(paper, left, top, width, height).data)))
}

/** Six cues for dark ink; see polarity.py. */
function polarityCues(small) {
  const cues = POLARITY_WINDOWS.map((window) => {
    const [closed, opened] = [close(small, window).data, open(small, window).data]
    let [dark, bright] = [0, 0]
    small.data.forEach((value, at) => {
      dark += (closed[at] - value) ** 2
      bright += (value - opened[at]) ** 2
    })
    return (dark - bright) / (dark + bright + 1e-9)
  })
  const [low, middle, high] = percentiles(small.data, 1, 50, 99)
  const span = Math.max(high - low, 1e-6)
  const [edge] = percentiles(ring(small), 50)
  cues.push(clip((2 * edge - low - high) / span, -1, 1))
  cues.push(clip((middle - mean(small.data)) / (Math.sqrt(variance(small.data)) + 1e-6), -1, 1))
  return cues
}

/** The pixels within RING of the border; corners are in it twice. */
function ring(small) {
  const [wide, tall] = [Math.min(RING, small.width), Math.min(RING, small.height)]
  return Float32Array.from([
    ...crop(small, 0, 0, small.width, tall).data,
    ...crop(small, 0, small.height - tall, small.width, tall).data,
    ...crop(small, 0, 0, wide, small.height).data,
    ...crop(small, small.width - wide, 0, wide, small.height).data,
  ])
}

/** Scaled so that the longest side is POLARITY_SIDE, and slightly smoothed. */
function scaled(grey) {
  const scale = POLARITY_SIDE / Math.max(grey.width, grey.height)
  const size = [grey.width, grey.height].map((side) => Math.max(4, round(side * scale)))
  return gaussianBlur(resizeArea(grey, ...size), 0.7)
}
