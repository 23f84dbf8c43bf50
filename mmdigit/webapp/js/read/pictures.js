// Pictures from elsewhere, as the gateway takes them.

import { jpeg, paper } from "../canvas.js"

const KEPT = ["image/png", "image/jpeg", "image/webp"] // kinds that the gateway reads
const MAX_KEPT_BYTES = 1_000_000 // it takes 2 MiB
const MAX_SIDE = 1024 // pixels of a picture that is written anew
const MAX_FILE_BYTES = 50_000_000
const MIN_SIDE = 8
export const MAX_PICTURES = 20

/**
 * A picture as the gateway takes it: the file itself where that is small enough, else scaled down. Throws an Error with
 * code "unreadable_picture" for what the browser does not decode.
 */
export async function asPicture(file) {
  let bitmap
  try {
    if (file.size > MAX_FILE_BYTES) throw new Error(`expected at most ${MAX_FILE_BYTES} bytes, got ${file.size}`)
    bitmap = await createImageBitmap(file)
    if (Math.min(bitmap.width, bitmap.height) < MIN_SIDE) throw new Error(`expected sides of ${MIN_SIDE} pixels, got less`)
  } catch (error) {
    throw Object.assign(new Error(error.message, { cause: error }), { code: "unreadable_picture" })
  }
  try {
    const longest = Math.max(bitmap.width, bitmap.height)
    if (KEPT.includes(file.type) && file.size <= MAX_KEPT_BYTES && longest <= 4 * MAX_SIDE) return file
    return await drawn(bitmap, Math.min(1, MAX_SIDE / longest))
  } finally {
    bitmap.close()
  }
}

function drawn(bitmap, scale) {
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(MIN_SIDE, Math.round(side * scale)))
  const canvas = paper(width, height)
  canvas.getContext("2d").drawImage(bitmap, 0, 0, width, height)
  return jpeg(canvas)
}
