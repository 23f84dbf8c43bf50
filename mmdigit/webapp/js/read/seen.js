// What the model saw and heard: the 28x28 picture and the spectrogram.

import { h } from "../dom.js"
import { drawSpectrogram } from "../sound/spectrogram.js"
import { t } from "../texts.js"

export const SIDE = 28 // as mmdigit/reading/image lays a digit out

/** Both, as figures. image28: Float32Array(784), range [0, 1], or null; waveform: Float32Array(8000) or null. */
export function seen({ image28, waveform }) {
  return h("div", { class: "read-seen row" }, image28 && picture(image28), waveform && spectrogram(waveform))
}

function picture(image) {
  const canvas = h("canvas", { class: "read-dots", width: SIDE, height: SIDE, role: "img", "aria-label": describe(image) })
  const context = canvas.getContext("2d")
  const pixels = context.createImageData(SIDE, SIDE)
  image.forEach((ink, i) => pixels.data.set([255 * ink, 255 * ink, 255 * ink, 255], 4 * i))
  context.putImageData(pixels, 0, 0)
  return h("figure", {}, canvas, h("figcaption", {}, t("read.seen.picture")))
}

function describe(image) {
  const inked = [...image.keys()].filter((i) => image[i] > 0.3)
  if (inked.length === 0) return t("read.seen.blank")
  const [columns, rows] = [inked.map((i) => i % SIDE), inked.map((i) => Math.floor(i / SIDE))]
  const span = (values) => Math.max(...values) - Math.min(...values) + 1
  return t("read.seen.picture.text", { width: span(columns), height: span(rows) })
}

function spectrogram(waveform) {
  const canvas = h("canvas", { class: "read-spectrogram", role: "img", "aria-label": t("read.seen.sound.text") })
  drawSpectrogram(canvas, waveform)
  return h("figure", {}, canvas, h("figcaption", {}, t("read.seen.sound")))
}
