// Detects a second digit in an image, as mmdigit/reading/image/several_digits.py, which says what is none.

import { connectedComponents, sumByPart } from "./primitives/components.js"
import { largestAt } from "./primitives/numbers.js"
import { above } from "./primitives/planes.js"

const MIN_HEIGHT = 0.6
const MIN_FLAT_HEIGHT = 0.35
const MIN_GAP = 0.06
const WIDE_GAP = 0.15
const MIN_HEIGHT_ABOVE = 0.55
const MIN_GAP_ABOVE = 0.03
const MAX_WIDTH_ABOVE = 1.25
const MAX_WIDTH_FAR_ABOVE = 1.7
const INKED = 0.3
const MAX_WIDTH_OF_ONE = 0.3
const MIN_AREA = 0.12
const MIN_DARKNESS = 0.5
const MIN_CUT_WIDTH = 0.3
const MIN_INSIDE_HEIGHT = 0.35
const MIN_INSIDE_AREA = 0.2
const MAX_LINE_WIDTH = 0.12
const MIN_LINE_HEIGHT = 1.1

/**
 * Whether a part other than the main one is a digit of its own. parts: {left, top, right, bottom, area, mass} of each;
 * main: the number of the main one; width, height: of the image.
 */
export function hasSeveralDigits(parts, main, width, height) {
  const digit = parts[main]
  const size = digit.bottom - digit.top
  const edges = (part) => ({
    left: part.left <= 1, right: part.right >= width - 1, top: part.top <= 1, bottom: part.bottom >= height - 1,
  })
  const mainEdges = edges(digit)
  return parts.some((part, number) => {
    const dark = part.mass / part.area >= (MIN_DARKNESS * digit.mass) / digit.area
    if (number === main || !dark || part.area < MIN_AREA * digit.area) return false
    const [tall, wide] = [part.bottom - part.top, part.right - part.left]
    // A tight crop of several digits touches them on opposite sides; a cut-off neighbour is on one side only.
    const at = edges(part)
    const wholeBeside = !(at.left || at.right) ||
      (wide >= MIN_CUT_WIDTH * tall && (at.left ? mainEdges.right : mainEdges.left))
    const wholeAbove = !(at.top || at.bottom) || (at.top ? mainEdges.bottom : mainEdges.top)
    const gapBeside = Math.max(digit.left - part.right, part.left - digit.right)
    const gapAbove = Math.max(digit.top - part.bottom, part.top - digit.bottom)
    const digitSized = tall >= MIN_HEIGHT * size ||
      (gapBeside >= WIDE_GAP * size && tall >= MIN_FLAT_HEIGHT * size && wide >= MIN_HEIGHT * size)
    const line = wide <= MAX_LINE_WIDTH * tall && tall > MIN_LINE_HEIGHT * size
    const beside = digitSized && gapBeside >= MIN_GAP * size && gapAbove < 0 && !line && wholeBeside
    const mainWide = digit.right - digit.left
    const maxWidth = (gapAbove >= WIDE_GAP * size ? MAX_WIDTH_FAR_ABOVE : MAX_WIDTH_ABOVE) * tall
    const piecesOfOne = wide <= MAX_WIDTH_OF_ONE * tall && mainWide <= MAX_WIDTH_OF_ONE * size
    const isAbove = tall >= MIN_HEIGHT_ABOVE * size && gapAbove >= MIN_GAP_ABOVE * size &&
      Math.max(wide, (mainWide * tall) / size) <= maxWidth && !piecesOfOne && wholeAbove
    const enclosed = part.left > digit.left && part.right < digit.right &&
      part.top > digit.top && part.bottom < digit.bottom
    const inside = enclosed && tall >= MIN_INSIDE_HEIGHT * size && part.area >= MIN_INSIDE_AREA * digit.area
    return beside || isAbove || inside
  })
}

/** Whether an image that looks like MNIST holds a second digit. */
export function imageHasSeveralDigits(image) {
  const found = connectedComponents(above(image, INKED))
  if (found.parts.length < 3) return false // paper and one part, which is nearly every image
  const masses = sumByPart(found, image.data)
  const parts = withMass(found.parts, masses)
  const main = largestAt(parts.map((part) => part.mass * Math.max(part.right - part.left, part.bottom - part.top)))
  return hasSeveralDigits(parts, main, image.width, image.height)
}

/** What hasSeveralDigits asks of each part, from what connectedComponents and sumByPart return. */
export const withMass = (parts, masses) => parts.slice(1).map(({ left, top, width, height, area }, at) =>
  ({ left, top, right: left + width, bottom: top + height, area, mass: masses[at + 1] }))
