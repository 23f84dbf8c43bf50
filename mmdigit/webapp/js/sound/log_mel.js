// The spectrogram as the model computes it from a second of speech: LogMel in mmdigit/training/data/log_mel.py, in doubles.

import { N_SAMPLES, SAMPLE_RATE_HZ } from "../decoding/frames.js"

const N_FFT = 256 // samples: 32 ms
const HOP_LENGTH = 160 // samples: 20 ms
const N_BINS = N_FFT / 2 + 1
export const N_MELS = 40
export const N_FRAMES = 1 + Math.floor((N_SAMPLES - N_FFT) / HOP_LENGTH) // 49
const MEL_MIN_HZ = 60
const MEL_MAX_HZ = 4000
const MEL_FLOOR = 1e-4 // of the loudest frame's mean power
const BAND_MEAN = 0.5 // of each band's mean over the clip is subtracted

const hann = Float64Array.from({ length: N_FFT }, (_, at) => 0.5 - 0.5 * Math.cos((2 * Math.PI * at) / N_FFT))
const cosines = Float64Array.from({ length: N_FFT }, (_, at) => Math.cos((2 * Math.PI * at) / N_FFT))
const bands = triangles()

/** Float64Array(N_FRAMES * N_MELS), a frame after the other, low bands first. waveform: (8000), range [-1, 1]. */
export function logMel(waveform) {
  const power = new Float64Array(N_FRAMES * N_MELS)
  let loudest = 0 // mean power of the loudest frame
  for (let frame = 0; frame < N_FRAMES; frame++) {
    const spectrum = powerSpectrum(waveform, frame * HOP_LENGTH)
    let total = 0
    bands.forEach((band, mel) => {
      const sum = band.reduce((found, { bin, weight }) => found + weight * spectrum[bin], 0)
      power[frame * N_MELS + mel] = sum
      total += sum
    })
    loudest = Math.max(loudest, total / N_MELS)
  }
  const result = power.map((value) => Math.log10(value / (loudest + 1e-7) + MEL_FLOOR) + 2.8)
  for (let mel = 0; mel < N_MELS; mel++) {
    let sum = 0
    for (let frame = 0; frame < N_FRAMES; frame++) sum += result[frame * N_MELS + mel]
    for (let frame = 0; frame < N_FRAMES; frame++) result[frame * N_MELS + mel] -= (BAND_MEAN * sum) / N_FRAMES
  }
  return result
}

/** Float64Array(N_BINS) of the frame that begins at this sample. */
function powerSpectrum(waveform, start) {
  const frame = hann.map((weight, at) => weight * waveform[start + at])
  return Float64Array.from({ length: N_BINS }, (_, bin) => {
    let real = 0
    let imaginary = 0
    for (let at = 0; at < N_FFT; at++) {
      const turn = (bin * at) % N_FFT
      real += frame[at] * cosines[turn]
      imaginary += frame[at] * cosines[(turn + N_FFT / 4) % N_FFT]
    }
    return real ** 2 + imaginary ** 2
  })
}

/** The bins of each band with their weights: triangles at equal steps of the mel scale, as HTK has it. */
function triangles() {
  const mel = (hz) => 2595 * Math.log10(1 + hz / 700)
  const low = mel(MEL_MIN_HZ)
  const step = (mel(MEL_MAX_HZ) - low) / (N_MELS + 1)
  const corner = (number) => 700 * (10 ** ((low + step * number) / 2595) - 1)
  return Array.from({ length: N_MELS }, (_, band) => {
    const [from, top, to] = [corner(band), corner(band + 1), corner(band + 2)]
    const found = []
    for (let bin = 0; bin < N_BINS; bin++) {
      const hz = (bin * SAMPLE_RATE_HZ) / N_FFT
      const weight = Math.min((hz - from) / (top - from), (to - hz) / (to - top))
      if (weight > 0) found.push({ bin, weight })
    }
    return found
  })
}
