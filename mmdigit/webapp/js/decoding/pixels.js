// Decodes an image file to grey pixels: the browser decodes, and the rest is as mmdigit/reading/image/decode.py.

import { BOX, resizeAntialiased } from "./primitives/antialiased_resize.js"
import { resizeArea } from "./primitives/area_resize.js"
import { round } from "./primitives/numbers.js"
import { narrow, reduce, shorten } from "./primitives/reduce.js"
import { toGrey } from "./colour.js"
import { deepPixels } from "./deep_png.js"
import { isDark, scaleLevels, to8Bits } from "./depth.js"
import { readHeader } from "./header.js"
import { ImageError, MAX_DEEP_BYTES, checkBytes, checkSize } from "./limits.js"
import { fillTransparent, premultiply, unpremultiply } from "./transparency.js"

const WORKING_SIDE = 256
const BAND_PIXELS = 1_000_000 // a large image is scaled down in bands of this size, which avoids a second full copy
const CHANNELS = 4
const JPEG_FACTORS = [8, 4, 2] // by which libjpeg scales down while it decodes
const AS_STORED = { imageOrientation: "from-image", colorSpaceConversion: "none" }

/**
 * The pixels of an image file, {width, height, data: Float32Array}, range [0, 1], scaled down to WORKING_SIDE if
 * larger. blob: PNG, JPEG or WebP. Throws ImageError, whose code is "too_large" beyond the limits, else "unreadable".
 */
export async function greyOf(blob) {
  checkBytes(blob.size)
  const bytes = new Uint8Array(await blob.arrayBuffer())
  const header = readHeader(bytes)
  checkSize(header.width, header.height)
  const deep = header.channels > 0 ? await deepGrey(bytes, header) : null
  if (deep !== null) return deep
  const bitmap = await decode(blob)
  try {
    checkSize(bitmap.width, bitmap.height)
    return toGrey(fillTransparent(workingPixels(bitmap, header)))
  } finally {
    bitmap.close()
  }
}

/** The pixels of a PNG file by all 16 bits of each channel; null if the upper 8 that the browser keeps are enough. */
async function deepGrey(bytes, header) {
  const { width, height, channels } = header
  if (channels > 1 && 2 * channels * width * height > MAX_DEEP_BYTES) return null
  const pixels = await deepPixels(bytes, header)
  const size = workingSize(width, height)
  if (pixels === null) return null
  if (channels > 1) return isDark(pixels, channels) ? toGrey(fillTransparent(to8Bits(pixels, ...size, channels))) : null
  const factor = Math.max(1, Math.floor(Math.max(width, height) / (2 * WORKING_SIDE)))
  const levels = reduce({ width, height, data: Float32Array.from(pixels.data) }, factor, 1)
  return scaleLevels(resizeAntialiased(levels, ...size, undefined, BOX))
}

async function decode(blob) {
  try {
    return await createImageBitmap(blob, AS_STORED)
  } catch (error) {
    const message = `expected a whole image file, got a damaged one (${error.message}); send the file again`
    throw new ImageError("unreadable", message, { cause: error })
  }
}

/** Red, green, blue and alpha, scaled down to WORKING_SIDE if larger, each format as Python's decoder does it. */
function workingPixels(bitmap, { format, converted }) {
  const [width, height] = workingSize(bitmap.width, bitmap.height)
  if (width === bitmap.width && height === bitmap.height) return readBand(bitmap, 0, height)
  if (format === "WebP") return resizeArea(readBand(bitmap, 0, bitmap.height), width, height, CHANNELS)
  const spare = Math.floor(Math.max(bitmap.width, bitmap.height) / (2 * WORKING_SIDE))
  const factor = format === "JPEG" ? JPEG_FACTORS.find((each) => each <= spare) ?? 1 : converted ? spare : 1
  const toWidth = (pixels) => narrow(premultiply(pixels), width, CHANNELS)
  const byFactor = (pixels) => unpremultiply(reduce(premultiply(pixels), factor, CHANNELS))
  const narrowed = factor > 1 ? toWidth(joinBands(bitmap, factor, byFactor)) : joinBands(bitmap, 1, toWidth)
  return unpremultiply(shorten(narrowed, height, CHANNELS))
}

/** The width and height scaled down so that the longest side is at most WORKING_SIDE. */
function workingSize(width, height) {
  const scale = Math.min(1, WORKING_SIDE / Math.max(width, height))
  return [Math.max(1, round(width * scale)), Math.max(1, round(height * scale))]
}

/** The image band by band, each changed by `shrink`, below one another. rows: a band's height is a multiple of them. */
function joinBands(bitmap, rows, shrink) {
  const tall = rows * Math.max(1, Math.floor(BAND_PIXELS / (rows * bitmap.width)))
  const bands = []
  for (let top = 0; top < bitmap.height; top += tall) {
    bands.push(shrink(readBand(bitmap, top, Math.min(tall, bitmap.height - top))))
  }
  const data = new Uint8Array(bands.reduce((sum, band) => sum + band.data.length, 0))
  let at = 0
  for (const band of bands) {
    data.set(band.data, at)
    at += band.data.length
  }
  return { width: bands[0].width, height: bands.reduce((sum, band) => sum + band.height, 0), data }
}

/** Red, green, blue and alpha of some rows. */
function readBand(bitmap, top, height) {
  const context = new OffscreenCanvas(bitmap.width, height).getContext("2d", { willReadFrequently: true })
  context.drawImage(bitmap, 0, -top)
  const { data } = context.getImageData(0, 0, bitmap.width, height)
  return { width: bitmap.width, height, data: new Uint8Array(data.buffer) }
}
