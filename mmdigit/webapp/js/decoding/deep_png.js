// Reads the pixels of PNG files with 16 bits a channel, of which browsers keep the upper 8 bits alone.
//
// Source: W3C, "Portable Network Graphics (PNG) Specification", third edition, chapters 7, 9 and 10.

import { chunksOf } from "./header.js"

/**
 * {width, height, data: Uint16Array}, `channels` values a pixel; null if the file is damaged, for the browser to judge.
 * bytes: the file; width, height, channels: as readHeader returns them.
 */
export async function deepPixels(bytes, { width, height, channels }) {
  const bytesInRow = 2 * channels * width
  const rows = await inflate(pixelChunks(bytes), height * (1 + bytesInRow))
  if (rows === null) return null
  const data = new Uint16Array(width * height * channels)
  let above = new Uint8Array(bytesInRow)
  for (let row = 0; row < height; row++) {
    const start = row * (1 + bytesInRow)
    const line = rows.subarray(start + 1, start + 1 + bytesInRow)
    const undo = FILTERS[rows[start]]
    if (undo === undefined) return null
    for (let at = 0; at < bytesInRow; at++) {
      const [left, aboveLeft] = at < 2 * channels ? [0, 0] : [line[at - 2 * channels], above[at - 2 * channels]]
      line[at] += undo(left, above[at], aboveLeft)
    }
    const first = row * width * channels
    for (let at = 0; at < width * channels; at++) data[first + at] = (line[2 * at] << 8) | line[2 * at + 1]
    above = line
  }
  return { width, height, data }
}

/** What to add to a byte, by the filter of its row. */
const FILTERS = [
  () => 0,
  (left) => left,
  (left, above) => above,
  (left, above) => (left + above) >> 1,
  (left, above, aboveLeft) => { // Paeth
    const middle = left + above - aboveLeft
    const [toLeft, toAbove, toAboveLeft] = [left, above, aboveLeft].map((each) => Math.abs(middle - each))
    return toLeft <= toAbove && toLeft <= toAboveLeft ? left : toAbove <= toAboveLeft ? above : aboveLeft
  },
]

function pixelChunks(bytes) {
  const parts = []
  for (const { name, start, length } of chunksOf(bytes)) {
    if (name === "IDAT") parts.push(bytes.subarray(start, start + length))
  }
  return parts
}

/** Exactly so many bytes, decompressed; null if there are more or fewer, or if the data are damaged. */
async function inflate(parts, count) {
  const unpacked = new Uint8Array(count)
  let at = 0
  try {
    const reader = new Blob(parts).stream().pipeThrough(new DecompressionStream("deflate")).getReader()
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return at === count ? unpacked : null
      if (at + value.length > count) {
        await reader.cancel()
        return null
      }
      unpacked.set(value, at)
      at += value.length
    }
  } catch {
    return null
  }
}
