// Frames of a waveform: their energy and their noise floor. A frame begins at each hop and is two hops long.
// The same as mmdigit/reading/audio/frames.py, for one waveform.

export const SAMPLE_RATE_HZ = 8000
export const N_SAMPLES = 8000 // 1 s
export const FRAME = 160 // samples: 20 ms
export const HOP = 80 // samples: 10 ms
export const WINDOW = N_SAMPLES / HOP // 100 frames

/** The largest magnitude; 0 for an empty waveform. */
export function peakLevel(waveform) {
  let peak = 0
  for (const sample of waveform) peak = Math.max(peak, Math.abs(sample))
  return peak
}

/**
 * {hops, means}: the sum of squares and the mean of each hop, Float64Array(n_hops) each.
 * The hops begin one second before the waveform and end one second after it.
 */
export function hopEnergy(waveform) {
  const count = Math.ceil(waveform.length / HOP)
  const hops = new Float64Array(count + 2 * WINDOW)
  const means = new Float64Array(count + 2 * WINDOW)
  for (let hop = 0; hop < count; hop++) {
    let squares = 0
    let sum = 0
    const end = Math.min((hop + 1) * HOP, waveform.length)
    for (let at = hop * HOP; at < end; at++) {
      squares += waveform[at] * waveform[at]
      sum += waveform[at]
    }
    hops[WINDOW + hop] = squares
    means[WINDOW + hop] = sum / HOP
  }
  return { hops, means }
}

/** The mean square of each frame, Float64Array(n_hops - 1). */
export function frameEnergy(hops) {
  const energy = new Float64Array(hops.length - 1)
  for (let at = 0; at < energy.length; at++) energy[at] = (hops[at + 1] + hops[at]) / FRAME
  return energy
}

/** The tenth percentile of the energy of the whole frames of a waveform with so many samples. */
export function noiseFloor(energy, size) {
  const last = Math.floor(Math.max(size - FRAME, 0) / HOP)
  const frames = energy.slice(WINDOW, WINDOW + 1 + last).sort()
  const rank = 0.1 * last
  const below = Math.floor(rank)
  const low = frames[below]
  return low + (frames[Math.min(below + 1, last)] - low) * (rank - below)
}

/** The largest of these numbers, which are not negative. */
export const largest = (numbers) => numbers.reduce((found, number) => Math.max(found, number), 0)
