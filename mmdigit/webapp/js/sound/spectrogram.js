// Draws a second of speech as the model sees it: time from left to right, high tones on top, louder is stronger.

import { N_FRAMES, N_MELS, logMel } from "./log_mel.js"

/**
 * Draw the spectrogram, in the colours of the theme, also after the theme changes. canvas: its text alternative is the
 * caller's; its size on the page is set by CSS. waveform: Float32Array(8000), as speechWindow gives it.
 */
export function drawSpectrogram(canvas, waveform) {
  const picture = logMel(waveform)
  // One pixel a value, which the browser enlarges: sharp at every zoom.
  canvas.width = N_FRAMES
  canvas.height = N_MELS
  canvas.style.imageRendering = "pixelated"
  shown.get(canvas)?.disconnect()
  const theme = new MutationObserver(() => (canvas.isConnected ? paint(canvas, picture) : theme.disconnect()))
  theme.observe(document.documentElement, { attributeFilter: ["data-theme", "data-contrast"] })
  shown.set(canvas, theme)
  paint(canvas, picture)
}

const shown = new WeakMap() // canvas -> what repaints it

/** From --paper to --accent in equal steps of sRGB, which eyes see as about equal; both differ by at least 4.5:1. */
function paint(canvas, picture) {
  const context = canvas.getContext("2d")
  const paper = rgb(context, "--paper")
  const accent = rgb(context, "--accent")
  const least = picture.reduce((found, value) => Math.min(found, value), Infinity)
  const most = picture.reduce((found, value) => Math.max(found, value), -Infinity)
  const image = context.createImageData(N_FRAMES, N_MELS)
  for (let frame = 0; frame < N_FRAMES; frame++) {
    for (let mel = 0; mel < N_MELS; mel++) {
      const share = (picture[frame * N_MELS + mel] - least) / (most - least || 1)
      const at = 4 * ((N_MELS - 1 - mel) * N_FRAMES + frame)
      for (let part = 0; part < 3; part++) image.data[at + part] = paper[part] + share * (accent[part] - paper[part])
      image.data[at + 3] = 255
    }
  }
  context.putImageData(image, 0, 0)
}

/** Red, green and blue of a colour of the theme, 0 to 255. */
function rgb(context, name) {
  context.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim()
  context.fillRect(0, 0, 1, 1)
  return context.getImageData(0, 0, 1, 1).data
}
