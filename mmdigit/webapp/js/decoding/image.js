// Turns an image into the model's input: one digit, bright ink on black, centred in 28x28 like MNIST. As
// mmdigit/reading/image/normalize.py; tests/webapp/test_image_decoding.py holds both equal.

import { resizeAntialiased } from "./primitives/antialiased_resize.js"
import { clip, largest, round, sum } from "./primitives/numbers.js"
import { border, boundingRect, crop, flag, map, pad } from "./primitives/planes.js"
import { findInk } from "./ink.js"
import { percentiles } from "./percentiles.js"
import { imageHasSeveralDigits } from "./several_digits.js"

export const IMAGE_SIDE = 28
const DIGIT_SIDE = 20
const STROKE_SIDE = 60
const MIN_STROKE_PX = 1.6

/**
 * Find the ink of a digit and lay it out. grey: {width, height, data}, a Float32Array of range [0, 1], as greyOf
 * returns. Returns {image, reasons, photographed}: Float32Array(784), 1 = ink, all zeros if there is none; reasons for
 * review that the image shows, as the gateway names them; whether the ink was found in a picture, and was not laid out
 * as MNIST's digits are already.
 */
export function readDigit(grey) {
  if (looksLikeMnist(grey)) {
    return { image: grey.data.slice(), reasons: reasonsFor(imageHasSeveralDigits(grey)), photographed: false }
  }
  const [ink, several] = findInk(grey)
  const inked = boundingRect(flag(ink, (value) => value > Math.fround(0.3)))
  if (inked.width === 0) return { image: new Float32Array(IMAGE_SIDE * IMAGE_SIDE), reasons: [], photographed: false }
  const digit = crop(ink, inked.left, inked.top, inked.width, inked.height)
  return { image: layOut(digit).data, reasons: reasonsFor(several), photographed: true }
}

const reasonsFor = (several) => (several ? ["several_digits"] : [])

/** A digit's ink as MNIST lays it out, 28x28. digit: grey, cut to the digit. */
export function layOut(digit) {
  if (Math.max(digit.width, digit.height) > STROKE_SIDE) digit = stretch(resize(digit, STROKE_SIDE))
  return stretch(centre(thicken(digit)))
}

/** 28x28, bright ink, black border, longest side 16-20 pixels and centre of mass near the middle. */
function looksLikeMnist(grey) {
  if (grey.width !== IMAGE_SIDE || grey.height !== IMAGE_SIDE) return false
  const { left, top, width, height } = boundingRect(grey)
  if (Math.min(left, top, IMAGE_SIDE - left - width, IMAGE_SIDE - top - height) <= 0) { // ink on the border
    const edge = border(grey)
    if (2 * sum(edge, (value) => (value !== 0 ? 1 : 0)) > edge.length || sum(edge) > 0.05 * edge.length) return false
  }
  if (largest(grey.data) < 0.5) return false
  const [column, row] = centreOfMass(grey)
  const longest = Math.max(width, height)
  return longest >= 16 && longest <= 20 && Math.max(Math.abs(row - 14), Math.abs(column - 14)) <= 1.5
}

/** [column, row], weighted by the values. */
function centreOfMass({ width, data }) {
  let [total, across, down] = [0, 0, 0]
  data.forEach((value, at) => {
    total += value
    across += value * (at % width)
    down += value * Math.floor(at / width)
  })
  return [across / total, down / total]
}

/** Scale so that the longest side has that many pixels; keep the aspect ratio. */
function resize(ink, longest) {
  const scale = longest / Math.max(ink.width, ink.height)
  return resizeAntialiased(ink, ...[ink.width, ink.height].map((side) => Math.max(1, round(side * scale))))
}

/** Rescale the ink so that the inside of the stroke is 1 again. */
function stretch(ink) {
  const inked = ink.data.filter((value) => value > Math.fround(0.05))
  const [full] = inked.length > 0 ? percentiles(inked, 90) : [1]
  return map(ink, (value) => clip(value / full, 0, 1))
}

/** Thicken strokes to at least MIN_STROKE_PX final pixels: a hairline would vanish when scaled down. */
function thicken(digit) {
  const finalPixel = Math.max(digit.width, digit.height) / DIGIT_SIDE
  for (let turn = 0; turn < 8; turn++) {
    const { inked, edges } = measure(digit)
    // A stroke of width w and length l has area w*l and about 2 * 1.27 * l edges, averaged over all directions.
    if ((2.55 * inked) / Math.max(edges, 1) >= MIN_STROKE_PX * finalPixel) break
    digit = grow(digit)
  }
  return digit
}

/** {inked: how many pixels, edges: how many sides of pixels between ink and paper}. */
function measure(digit) {
  const { width, height, data } = pad(flag(digit, (value) => value > 0.5), 1)
  let [inked, edges] = [0, 0]
  for (let row = 1; row < height; row++) {
    for (let column = 1; column < width; column++) {
      const at = row * width + column
      inked += data[at]
      edges += (data[at] !== data[at - 1]) + (data[at] !== data[at - width])
    }
  }
  return { inked, edges }
}

/** One pixel wider on each side: each pixel the largest of itself and its four neighbours. */
function grow(digit) {
  const wide = pad(digit, 1)
  const { width, data } = pad(digit, 2)
  return map(wide, (value, at) => {
    const middle = (Math.floor(at / wide.width) + 1) * width + (at % wide.width) + 1
    return Math.max(value, data[middle - 1], data[middle + 1], data[middle - width], data[middle + width])
  })
}

/** Scale to DIGIT_SIDE and put the centre of mass in the middle of 28x28, or as near as keeps the digit inside. */
function centre(digit) {
  const pixel = Math.max(digit.width, digit.height) / DIGIT_SIDE // one pixel of the final image
  const margin = Math.ceil(IMAGE_SIDE * pixel)
  const middle = centreOfMass(digit)
  const [left, top] = [digit.width, digit.height].map((length, axis) => {
    const first = middle[axis] + 0.5 - (IMAGE_SIDE / 2 + 0.5) * pixel // MNIST's centres of mass lie at index 14
    return Math.min(Math.max(first, length - IMAGE_SIDE * pixel), 0) + margin
  })
  const box = [left, top, left + IMAGE_SIDE * pixel, top + IMAGE_SIDE * pixel]
  return resizeAntialiased(pad(digit, margin), IMAGE_SIDE, IMAGE_SIDE, box)
}
