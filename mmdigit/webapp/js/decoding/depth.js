// Scales levels of 16 bits, of which scanners may use a few alone, as mmdigit/reading/image/depth.py.

import { resizeArea } from "./primitives/area_resize.js"
import { largest, round } from "./primitives/numbers.js"
import { percentiles } from "./percentiles.js"

const MAX_16_BITS = 65_535
const TOP_PERCENTILE = 99.5
const MIN_CORRELATION = 0.4

/**
 * Scale to [0, 1] by the number of bits in use, but pure noise by 16 bits: a blank image stays blank. levels: any typed
 * array, `channels` values a pixel. Returns a Float32Array plane.
 */
export function scaleLevels({ width, height, data }, channels = 1) {
  let levels = Float32Array.from(data)
  if (largest(levels) <= 1 && levels.some((level) => level % 1 !== 0)) return { width, height, data: levels }
  const used = usedRange(levels)
  levels = levels.map((level) => Math.min(level, used))
  const range = isCorrelated({ width, height, data: levels }, channels) ? used : Math.max(used, MAX_16_BITS)
  return { width, height, data: levels.map((level) => level / range) }
}

/** Whether the upper half of the levels is unused, alpha aside. */
export function isDark({ data }, channels) {
  const colours = coloursOf(channels)
  return data.every((level, at) => at % channels >= colours || level < 128 * 256)
}

/** Red, green, blue and alpha of 8 bits, of the size given; colour and alpha are each scaled by the bits they use. */
export function to8Bits(pixels, width, height, channels) {
  const same = pixels.width === width && pixels.height === height
  const { data } = same ? pixels : resizeArea(pixels, width, height, channels)
  const colours = coloursOf(channels)
  const colour = scaleLevels({ width, height, data: data.filter((_, at) => at % channels < colours) }, colours).data
  const alpha = Float32Array.from(data.filter((_, at) => at % channels >= colours))
  const opaque = usedRange(alpha)
  const made = new Uint8Array(width * height * 4)
  for (let at = 0; at < width * height; at++) {
    for (let each = 0; each < 3; each++) made[4 * at + each] = round(colour[at * colours + (each % colours)] * 255)
    made[4 * at + 3] = alpha.length === 0 ? 255 : round(Math.min(1, alpha[at] / opaque) * 255)
  }
  return { width, height, data: made }
}

const coloursOf = (channels) => channels - 1 + (channels % 2) // the rest is alpha

/** The highest level of the bits in use, at least one bit. */
function usedRange(levels) {
  const top = Math.trunc(percentiles(levels, TOP_PERCENTILE)[0])
  let range = 1
  while (range < top) range = 2 * range + 1
  return range
}

/** Whether neighbouring pixels correlate, which those of noise do not. */
function isCorrelated({ width, height, data }, channels) {
  const means = new Float64Array(channels)
  data.forEach((level, at) => {
    means[at % channels] += level / (width * height)
  })
  const stride = width * channels
  let [across, down, squares] = [0, 0, 0]
  for (let at = 0; at < data.length; at++) {
    if (at % stride >= channels) across += (data[at] - data[at - channels]) ** 2
    if (at >= stride) down += (data[at] - data[at - stride]) ** 2
    squares += (data[at] - means[at % channels]) ** 2
  }
  const steps = (across / (height * (width - 1)) + down / ((height - 1) * width)) / 4
  return steps < ((1 - MIN_CORRELATION) * squares) / (width * height)
}
