// Puts paper behind transparent pixels, as mmdigit/reading/image/decode.py.
// Pixels are {width, height, data: Uint8Array}, red, green, blue and alpha unless stated otherwise.

import { round } from "./primitives/numbers.js"

/** White behind dark ink, and black behind bright ink. Returns red, green and blue. */
export function fillTransparent({ width, height, data }) {
  let [bright, covered] = [0, 0]
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3] / 255
    bright += alpha * (0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2])
    covered += alpha
  }
  const behind = bright < 127.5 * covered ? 255 : 0
  const filled = new Uint8Array(width * height * 3)
  for (let at = 0; at < width * height; at++) {
    const alpha = data[4 * at + 3] / 255
    for (let colour = 0; colour < 3; colour++) {
      filled[3 * at + colour] = round(data[4 * at + colour] * alpha + behind * (1 - alpha))
    }
  }
  return { width, height, data: filled }
}

/** Colours multiplied by alpha, so that transparent pixels count for nothing in a mean. In place. */
export const premultiply = (pixels) => change(pixels, (colour, alpha) => {
  const product = colour * alpha + 128
  return ((product >> 8) + product) >> 8
})

/** The opposite of premultiply. In place. */
export const unpremultiply = (pixels) => change(pixels, (colour, alpha) =>
  (alpha === 0 ? colour : Math.min(255, Math.floor((255 * colour) / alpha))))

/** Change the colours of every pixel that is not opaque. */
function change(pixels, by) {
  const { data } = pixels
  for (let at = 0; at < data.length; at += 4) {
    const alpha = data[at + 3]
    if (alpha === 255) continue
    for (let colour = at; colour < at + 3; colour++) data[colour] = by(data[colour], alpha)
  }
  return pixels
}
