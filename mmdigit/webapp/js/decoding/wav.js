// Reads the WAV files that this page records itself: 8 kHz, 16 bits, mono. Chunks, wrong sizes and missing pad bytes are
// taken as mmdigit/reading/audio/wav.py takes them, so that both see the same samples.

import { SAMPLE_RATE_HZ } from "./frames.js"

const MIN_LOST_BYTES = 800 // 0.05 s of samples after the declared end belong to the clip; fewer bytes are something else

/** The samples, Float32Array in [-1, 1]; null for any other kind of file. bytes: Uint8Array. */
export function readWav(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 12 || nameAt(bytes, 0) !== "RIFF" || nameAt(bytes, 8) !== "WAVE") return null
  let known = false
  for (let at = 12; at + 8 <= bytes.length; ) {
    const name = nameAt(bytes, at)
    const size = view.getUint32(at + 4, true)
    const present = bytes.length - at - 8
    if (name === "data") return known ? samples(view, at + 8, sizeOfData(bytes, at + 8, size, present)) : null
    if (size > present) return null
    if (name === "fmt ") {
      known = size >= 16 && isOurs(view, at + 8)
      if (!known) return null
    }
    at += 8 + size
    if (size % 2 && !(isChunk(bytes, view, at) && !isChunk(bytes, view, at + 1))) at += 1
  }
  return null
}

/** Whether the format is PCM, mono, 8 kHz, 16 bits. */
const isOurs = (view, at) =>
  view.getUint16(at, true) === 1 &&
  view.getUint16(at + 2, true) === 1 &&
  view.getUint32(at + 4, true) === SAMPLE_RATE_HZ &&
  Math.ceil(view.getUint16(at + 14, true) / 8) === 2

/** The bytes of samples: all that are there where the header of a stream, or of a recorder cut off, declares a wrong size. */
function sizeOfData(bytes, at, size, present) {
  if (size === 0 || size >= present) return present
  let end = bytes.length
  while (end > at && bytes[end - 1] === 0) end--
  const lost = end - (at + size)
  const goes = lost >= MIN_LOST_BYTES && !nameAt(bytes, at + size).startsWith("ID3")
  return goes && !isName(bytes, at + size) && !isName(bytes, at + size + 1) ? present : size
}

function samples(view, at, size) {
  const waveform = new Float32Array(Math.floor(size / 2))
  for (let number = 0; number < waveform.length; number++) waveform[number] = view.getInt16(at + 2 * number, true) / 32768
  return waveform
}

const nameAt = (bytes, at) => String.fromCharCode(...bytes.subarray(at, at + 4))
const isName = (bytes, at) => bytes.subarray(at, at + 4).every((byte) => byte >= 32 && byte < 127)

/** Whether a chunk seems to begin here: a printable name, and a size within the file. */
function isChunk(bytes, view, at) {
  if (at + 8 > bytes.length || !isName(bytes, at)) return false
  return nameAt(bytes, at) === "data" || view.getUint32(at + 4, true) <= bytes.length - at - 8
}
