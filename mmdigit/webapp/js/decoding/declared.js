// How long a sound file says it is, before anybody decodes it: a small file may hold hours of silence.
// Sources: RFC 9639 (FLAC), RFC 3533 (Ogg pages), RFC 7845 (Opus in Ogg).

const OPUS_RATE_HZ = 48_000 // of positions, whatever the rate of the recording

/** Seconds; 0 where a file of this kind does not say. bytes: Uint8Array. */
export function declaredSeconds(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length >= 26 && startsWith(bytes, 0, "fLaC")) return ofFlac(view)
  return startsWith(bytes, 28, "OpusHead") ? ofOpus(bytes, view) : 0
}

/** 20 bits of rate, 3 of channels, 5 of depth, 36 of the number of samples. */
function ofFlac(view) {
  const rateHz = view.getUint32(18) >>> 12
  return rateHz ? ((view.getUint8(21) & 15) * 2 ** 32 + view.getUint32(22)) / rateHz : 0
}

/** The last position among the pages. */
function ofOpus(bytes, view) {
  let position = 0
  for (let at = 0; at + 27 <= bytes.length && startsWith(bytes, at, "OggS"); ) {
    position = Math.max(position, Number(view.getBigInt64(at + 6, true)))
    const segments = bytes.subarray(at + 27, at + 27 + bytes[at + 26])
    at += 27 + segments.length + segments.reduce((size, segment) => size + segment, 0)
  }
  return position / OPUS_RATE_HZ
}

const startsWith = (bytes, at, text) => String.fromCharCode(...bytes.subarray(at, at + text.length)) === text
