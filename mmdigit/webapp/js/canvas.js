// Canvases as paper, and as files.

const JPEG_QUALITY = 0.92

/** A white canvas; sides in pixels, rounded up. */
export function paper(width, height) {
  const canvas = document.createElement("canvas")
  canvas.width = Math.ceil(width)
  canvas.height = Math.ceil(height)
  const context = canvas.getContext("2d")
  context.fillStyle = "#fff"
  context.fillRect(0, 0, canvas.width, canvas.height)
  return canvas
}

/** A promise of its Blob. */
export const png = (canvas) => new Promise((resolve) => canvas.toBlob(resolve, "image/png"))
export const jpeg = (canvas) => new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY))
