// A photo of a number: its pixels, and what its digits look like.

import { h } from "../dom.js"

const MAX_SIDE = 1600 // pixels at which a photo is searched for its line, as PHOTO_SIDE of mmdigit/numbers/written.py
const MIN_SIDE = 8
const MAX_FILE_BYTES = 50_000_000
const MARGIN = 0.15 // around a digit, of its height

/**
 * {pixels, crop(corners)}: red, green, blue and alpha, scaled down to MAX_SIDE, {width, height, data: Uint8Array}; a canvas
 * with what lies between the corners of a digit. Throws an Error with code "unreadable_picture".
 */
export async function photoOf(file) {
  const bitmap = await decode(file)
  const scale = Math.min(1, MAX_SIDE / Math.max(bitmap.width, bitmap.height))
  const canvas = h("canvas", { width: Math.max(1, Math.round(scale * bitmap.width)), height: Math.max(1, Math.round(scale * bitmap.height)) })
  const { width, height } = canvas
  const context = canvas.getContext("2d", { willReadFrequently: true })
  context.imageSmoothingQuality = "high"
  context.drawImage(bitmap, 0, 0, width, height)
  bitmap.close()
  const { data } = context.getImageData(0, 0, width, height)
  return { pixels: { width, height, data: new Uint8Array(data.buffer) }, crop: (corners) => cropOf(canvas, corners) }
}

async function decode(file) {
  let bitmap = null
  try {
    if (file.size > MAX_FILE_BYTES) throw new Error(`expected at most ${MAX_FILE_BYTES} bytes, got ${file.size}`)
    bitmap = await createImageBitmap(file)
    if (Math.min(bitmap.width, bitmap.height) < MIN_SIDE) throw new Error(`expected sides of ${MIN_SIDE} pixels, got less`)
    return bitmap
  } catch (error) {
    bitmap?.close()
    throw Object.assign(new Error(error.message, { cause: error }), { code: "unreadable_picture" })
  }
}

function cropOf(canvas, corners) {
  const [across, down] = [0, 1].map((axis) => corners.map((corner) => corner[axis]))
  const margin = MARGIN * (Math.max(...down) - Math.min(...down))
  const [left, top] = [Math.min(...across) - margin, Math.min(...down) - margin]
  const [width, height] = [Math.max(...across) + margin - left, Math.max(...down) + margin - top].map((side) => Math.max(1, Math.round(side)))
  const made = h("canvas", { width, height, "aria-hidden": "true" })
  const context = made.getContext("2d")
  context.fillStyle = "#fff"
  context.fillRect(0, 0, width, height)
  context.drawImage(canvas, -left, -top)
  return made
}
