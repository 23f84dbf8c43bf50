// What the first bytes of an image file say: its format and its size, before anything is decoded.
//
// Sources: W3C, "Portable Network Graphics (PNG) Specification", third edition; ITU-T T.81 (1992), annex B; RFC 9649,
// "WebP Image Format". The same formats as mmdigit/reading/image reads, except TIFF, which few browsers decode.

import { ImageError } from "./limits.js"

const PNG = "\x89PNG\r\n\x1a\n"
const GREY = 0
const PALETTE = 3
const WITH_ALPHA = [4, 6] // colour types
const CHANNELS = { 0: 1, 2: 3, 4: 2, 6: 4 } // by colour type
const ANIMATED = 0x02 // a flag of VP8X
const FRAMES = [0xc0, 0xc1, 0xc2] // JPEG: baseline, extended, progressive
const END_OF_IMAGE = 0xd9
const WITHOUT_BODY = [0x01, 0xd0, 0xd1, 0xd2, 0xd3, 0xd4, 0xd5, 0xd6, 0xd7, 0xd8]

/**
 * {format: "PNG", "JPEG" or "WebP", width, height, converted, channels}. converted: whether the gateway's decoder
 * converts the pixels before it scales them down, as those of a palette or with transparency. channels: of 16 bits
 * each; 0 = the pixels have no more than 8. Throws ImageError for anything else.
 */
export function readHeader(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    if (text(bytes, 0, 8) === PNG) return readPng(bytes, view)
    if (bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff) return readJpeg(view)
    if (text(bytes, 0, 4) === "RIFF" && text(bytes, 8, 4) === "WEBP") return readWebp(bytes, view)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    const message = "expected a whole image file, got its start alone; send the file again"
    throw new ImageError("unreadable", message, { cause: error })
  }
  throw new ImageError("unreadable", "expected a PNG, JPEG or WebP file, got another kind; save it as PNG")
}

const text = (bytes, at, length) => String.fromCharCode(...bytes.subarray(at, at + length))

function readPng(bytes, view) {
  const [width, height] = [view.getUint32(16), view.getUint32(20)]
  const [depth, colour, interlaced] = [view.getUint8(24), view.getUint8(25), view.getUint8(28)]
  const channels = depth === 16 && !interlaced ? CHANNELS[colour] ?? 0 : 0
  let converted = colour === PALETTE || WITH_ALPHA.includes(colour) || (colour === GREY && depth === 1)
  for (const { name, start } of chunksOf(bytes)) {
    if (name === "acTL" && view.getUint32(start) > 1) throw animated()
    if (name === "tRNS") converted = true
    if (name === "IDAT") break
  }
  return { format: "PNG", width, height, converted, channels }
}

/** {name, start, length} of each chunk of a PNG, whose start at least is inside the file. */
export function* chunksOf(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let at = PNG.length; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    yield { name: text(bytes, at + 4, 4), start: at + 8, length: view.getUint32(at) }
  }
}

function readJpeg(view) {
  let at = 2
  for (;;) {
    if (view.getUint8(at) !== 0xff) {
      at += 1
      continue
    }
    const marker = view.getUint8(at + 1)
    if (FRAMES.includes(marker)) {
      return plain("JPEG", view.getUint16(at + 7), view.getUint16(at + 5))
    }
    if (marker === END_OF_IMAGE) {
      throw new ImageError("unreadable", "expected a JPEG with an image, got none; send the file again")
    }
    if (marker === 0xff) at += 1
    else at += WITHOUT_BODY.includes(marker) ? 2 : 2 + view.getUint16(at + 2)
  }
}

function readWebp(bytes, view) {
  let flags = 0
  for (let at = 12; ; ) {
    const [name, length] = [text(bytes, at, 4), view.getUint32(at + 4, true)]
    if (name === "VP8X") flags = view.getUint8(at + 8)
    if (name === "ANIM" || name === "ANMF" || flags & ANIMATED) throw animated()
    if (name === "VP8L") {
      const bits = view.getUint32(at + 9, true)
      return plain("WebP", (bits & 0x3fff) + 1, ((bits >> 14) & 0x3fff) + 1)
    }
    if (name === "VP8 ") {
      const [width, height] = [view.getUint16(at + 14, true), view.getUint16(at + 16, true)]
      return plain("WebP", width & 0x3fff, height & 0x3fff)
    }
    at += 8 + length + (length % 2)
  }
}

const plain = (format, width, height) => ({ format, width, height, converted: false, channels: 0 })

const animated = () =>
  new ImageError("unreadable", "expected one still image, got an animation; send one of its frames")
