// Writes WAV files of 16 bits in mono.

const HEADER_BYTES = 44

/** A Blob. samples: Float32Array, range [-1, 1]; what is beyond is clipped. */
export function wavOf(samples, rateHz) {
  const view = new DataView(new ArrayBuffer(HEADER_BYTES + 2 * samples.length))
  const name = (at, text) => [...text].forEach((char, place) => view.setUint8(at + place, char.charCodeAt(0)))
  name(0, "RIFF")
  view.setUint32(4, view.byteLength - 8, true)
  name(8, "WAVEfmt ")
  view.setUint32(16, 16, true) // bytes of the format
  view.setUint16(20, 1, true) // PCM
  view.setUint16(22, 1, true) // mono
  view.setUint32(24, rateHz, true)
  view.setUint32(28, 2 * rateHz, true) // bytes a second
  view.setUint16(32, 2, true) // bytes of a frame
  view.setUint16(34, 16, true) // bits
  name(36, "data")
  view.setUint32(40, 2 * samples.length, true)
  samples.forEach((sample, at) => {
    const whole = Math.round(32768 * sample)
    view.setInt16(HEADER_BYTES + 2 * at, Math.min(Math.max(whole, -32768), 32767), true)
  })
  return new Blob([view.buffer], { type: "audio/wav" })
}
