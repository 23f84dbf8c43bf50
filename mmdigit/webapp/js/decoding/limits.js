// The limits of an image, as mmdigit/reading/image/limits.py, and the error of one that cannot be read.

export const MAX_IMAGE_BYTES = 2_097_152
export const MAX_PIXELS = 12_500_000
export const MIN_SIDE = 8
export const MAX_SIDE = 16_384
export const MAX_DEEP_BYTES = 24_000_000

/** code: "unreadable" or "too_large". */
export class ImageError extends Error {
  constructor(code, message, options) {
    super(message, options)
    this.code = code
  }
}

/** Throws ImageError if a file of so many bytes is too large. */
export function checkBytes(count) {
  if (count > MAX_IMAGE_BYTES) {
    const message = `expected at most ${MAX_IMAGE_BYTES} bytes of image, got ${count}; send a smaller crop`
    throw new ImageError("too_large", message)
  }
}

/** Throws ImageError if an image of this size, in pixels, is too small, too large or too long. */
export function checkSize(width, height) {
  const got = `got ${width}x${height}`
  if (width * height > MAX_PIXELS) {
    throw new ImageError("too_large", `expected at most ${MAX_PIXELS} pixels, ${got}; send a smaller crop`)
  }
  if (Math.max(width, height) > MAX_SIDE) {
    throw new ImageError("too_large", `expected sides of at most ${MAX_SIDE} pixels, ${got}; send a crop`)
  }
  if (Math.min(width, height) < MIN_SIDE) {
    throw new ImageError("unreadable", `expected at least ${MIN_SIDE}x${MIN_SIDE} pixels, ${got}; send a larger crop`)
  }
}
