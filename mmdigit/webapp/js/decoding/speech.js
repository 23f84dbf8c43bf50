// The model's input from a waveform: the second that holds most of the speech, at a fixed level.
// The same as mmdigit/reading/audio/speech_window.py, and as the last steps of to_waveform in normalize.py. All sums are
// of doubles; samples are rounded to 32 bits where Python rounds them, but Python adds the mean up in 32 bits.

import { hasDrift, hasIsolatedPeak, removeArtifacts } from "./artifacts.js"
import { HOP, N_SAMPLES, WINDOW, frameEnergy, hopEnergy, largest, noiseFloor, peakLevel } from "./frames.js"
import { soundError } from "./sound_error.js"

const SPEECH_RMS = 0.1 // of full scale: the level of the speech after normalization
const MIN_ENERGY = 1e-20 // mean square of a frame; no accepted clip is as faint, and the gain would overflow
export const SILENCE_PEAK = 5e-4 // of full scale (-66 dB); below it there is only converter noise

/**
 * A waveform without its mean, within full scale. samples: Float32Array, mono.
 * Throws with code "silent" if there is nothing to hear.
 */
export function levelled(samples) {
  const mean = Math.fround(samples.reduce((sum, sample) => sum + sample, 0) / samples.length)
  const waveform = samples.map((sample) => sample - mean)
  const peak = peakLevel(waveform)
  if (!(peak >= SILENCE_PEAK)) {
    throw soundError(
      "silent",
      `expected speech with a peak of at least ${SILENCE_PEAK} of full scale, got silence (${peak.toExponential(1)}); ` +
        "record it again, closer to the microphone",
    )
  }
  return peak > 1 ? waveform.map((sample) => Math.min(Math.max(sample, -1), 1)) : waveform
}

/**
 * The second that holds most of the speech, with the speech in the middle, at a fixed level.
 * waveform: Float32Array, mono at 8 kHz, from `levelled`. Returns Float32Array(8000), range [-1, 1]; all zeros for a
 * silent waveform.
 */
export function speechWindow(waveform) {
  const clip = new Float32Array(N_SAMPLES)
  if (waveform.length === 0) return clip
  const { hops, means } = hopEnergy(waveform)
  let energy = frameEnergy(hops)
  let loudest = largest(energy)
  let noise = noiseFloor(energy, waveform.length)
  const isolatedPeak = hasIsolatedPeak(energy, loudest)
  const drift = hasDrift(means, loudest)
  if (isolatedPeak || drift) {
    const cleaned = removeArtifacts(waveform, energy, noise, { isolatedPeak, drift })
    if (cleaned !== waveform) {
      waveform = cleaned
      energy = frameEnergy(hopEnergy(waveform).hops)
      loudest = largest(energy)
      noise = noiseFloor(energy, waveform.length)
    }
  }
  // Speech is within 30 dB of the loudest frame and 6 dB above the clip's own noise.
  const threshold = Math.min(Math.max(loudest * 1e-3, noise * 4), loudest * 0.5)
  const first = loudestWindow(energy, threshold, waveform.length)
  const spoken = energy.subarray(first, first + WINDOW).filter((square) => square > threshold)
  const rms = Math.sqrt(spoken.reduce((sum, square) => sum + square, 0) / Math.max(spoken.length, 1))
  const start = (first - WINDOW) * HOP // in the waveform; negative: the window begins with silence
  const samples = waveform.subarray(Math.max(start, 0), Math.max(start + N_SAMPLES, 0))
  const peak = peakLevel(samples)
  if (loudest < MIN_ENERGY || peak === 0) return clip
  const gain = Math.fround(rms > 0 ? Math.min(SPEECH_RMS / rms, 1 / peak) : 1)
  clip.set(samples.map((sample) => Math.min(Math.max(sample * gain, -1), 1)), Math.max(-start, 0))
  return clip
}

/** The first of the WINDOW frames with the highest sum of decibels above the threshold. size: of the waveform. */
function loudestWindow(energy, threshold, size) {
  // Whole decibels: with integers, equally good windows tie exactly, and the middle one is chosen.
  const floor = Math.max(threshold, MIN_ENERGY ** 2)
  const weights = Array.from(energy, (square) => (square > threshold ? Math.trunc(1 + 10 * Math.log10(square / floor)) : 0))
  const sums = [0]
  for (const weight of weights) sums.push(sums.at(-1) + weight)
  // Windows that begin after the last frame of the waveform are left out.
  const count = Math.min(energy.length + 1 - WINDOW, Math.floor(size / HOP) + WINDOW)
  const totals = Array.from({ length: count }, (_, at) => sums[at + WINDOW] - sums[at])
  const most = totals.reduce((found, total) => Math.max(found, total), 0)
  const best = totals.flatMap((total, at) => (total === most ? [at] : []))
  return best[Math.floor(best.length / 2)]
}
