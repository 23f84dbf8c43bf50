// Converts colour to grey: luma, or the chroma axis that separates ink from paper of about the same brightness. As
// mmdigit/reading/image/colour.py.

import { resizeArea } from "./primitives/area_resize.js"
import { boxBlur } from "./primitives/blur.js"
import { clip, mean, round } from "./primitives/numbers.js"
import { border, crop, grey as greyPlane, map } from "./primitives/planes.js"
import { percentiles } from "./percentiles.js"

const MEASURED_SIDE = 48
const EDGE = 0.15
const LIGHT_RADIUS = 0.3
const MIN_CHROMA_RATIO = 1.3
const MIN_SPREAD = 0.008
const PAPER = 0.85

/** The projection that shows the ink best, grey. rgb: {width, height, data}, Uint8Array, three values a pixel. */
export function toGrey(rgb) {
  const axis = chromaAxis(rgb)
  if (axis === null) return luma(rgb)
  const [, red, blue] = lumaAndChroma(rgb)
  const chroma = map(red, (value, at) => value * axis[0] + blue.data[at] * axis[1])
  const [paper] = percentiles(border(chroma), 50)
  const sign = mean(chroma.data) - paper > 0 ? -1 : 1
  return map(chroma, (value) => clip(PAPER + sign * (value - paper), 0, 1))
}

/** Rounded to 8 bits, as OpenCV's RGB2GRAY. */
function luma({ width, height, data }) {
  const made = greyPlane(width, height)
  for (let at = 0; at < made.data.length; at++) {
    made.data[at] = ((data[3 * at] * 9798 + data[3 * at + 1] * 19235 + data[3 * at + 2] * 3735 + 16384) >> 15) / 255
  }
  return made
}

/** The direction in [Cr, Cb] of the highest contrast, of length 1; null = luma is as good or better. */
function chromaAxis(rgb) {
  let small = rgb
  const scale = Math.min(1, MEASURED_SIDE / Math.max(rgb.width, rgb.height))
  if (scale < 1) {
    const size = [rgb.width, rgb.height].map((side) => Math.max(4, round(side * scale)))
    small = resizeArea(rgb, ...size, 3)
  }
  const [columns, rows] = [round(EDGE * small.width), round(EDGE * small.height)]
  const [width, height] = [small.width - 2 * columns, small.height - 2 * rows]
  const window = 2 * round(LIGHT_RADIUS * Math.max(width, height, 3)) + 1
  const channels = lumaAndChroma(small).map((channel) => {
    const middle = boxBlur(crop(channel, columns, rows, width, height), 3)
    const light = boxBlur(middle, window)
    const uneven = map(middle, (value, at) => value - light.data[at])
    const level = mean(uneven.data)
    return uneven.data.map((value) => value - level)
  })
  const [bright, , , red, both, blue] = covariances(channels)
  const spread = (red + blue) / 2 + Math.hypot((red - blue) / 2, both) // its largest eigenvalue in (Cr, Cb)
  if (spread < MIN_SPREAD ** 2 || spread < MIN_CHROMA_RATIO ** 2 * bright) return null
  const angle = Math.atan2(2 * both, red - blue) / 2
  return [Math.cos(angle), Math.sin(angle)]
}

/** [YY, YCr, YCb, CrCr, CrCb, CbCb]: the upper half of the covariance matrix of channels without their mean. */
function covariances(channels) {
  return channels.flatMap((first, at) =>
    channels.slice(at).map((second) => mean(first.map((value, pixel) => value * second[pixel]))))
}

/** [Y, Cr, Cb], grey each. Source: ITU-T T.871, with OpenCV's coefficients. */
function lumaAndChroma({ width, height, data }) {
  const channels = [0, 1, 2].map(() => greyPlane(width, height))
  for (let at = 0; at < width * height; at++) {
    const [red, green, blue] = [data[3 * at] / 255, data[3 * at + 1] / 255, data[3 * at + 2] / 255]
    const bright = 0.299 * red + 0.587 * green + 0.114 * blue
    channels[0].data[at] = bright
    channels[1].data[at] = (red - bright) * 0.713 + 0.5
    channels[2].data[at] = (blue - bright) * 0.564 + 0.5
  }
  return channels
}
