// Removes recording artifacts of microphone and mains: a drifting level, hum, clicks, pops. Only clips that need it are
// changed. The same as mmdigit/reading/audio/artifacts.py, which says where the constants come from.

import { FRAME, HOP, SAMPLE_RATE_HZ, WINDOW, frameEnergy, hopEnergy, largest, noiseFloor } from "./frames.js"

const CUTOFF_HZ = 75 // above the mains frequencies of 50 and 60 Hz, below nearly all voices
const TAPS = 801 // of the high-pass filter: 0.1 s
// The ratios are of power.
const MIN_DRIFT = 0.2 // squared mean of a hop (what is below 60 Hz) to the loudest frame; less in voices
const MIN_PEAK_RATIO = 40 // loudest frame to the loudest twelve in a row, from which a clip is searched for bursts
const MAX_POP = 16 // frames; anything longer is a word
const MAX_CLICK = 4 // frames
const MIN_BURST_RATIO = 4 // burst to the loudest frame of the word; a fainter burst does no harm
const MIN_GAP = 15 // frames between a pop and the word; a plosive is closer to its vowel
const TAIL = 10 ** -3 // of the loudest frame
const TOP = 10 ** -1.2 // a word has more frames within 12 dB of its loudest than a click
const MIN_WORD_RATIO = 10 // loudest frame of a word to the noise
const MAX_BURSTS = 32
const IN_A_ROW = 12 // frames

/** Whether a clip has hum or a drifting level. means: of its hops. loudest: mean square of its loudest frame. */
export const hasDrift = (means, loudest) => means.reduce((most, mean) => Math.max(most, Math.abs(mean)), 0) ** 2 > MIN_DRIFT * loudest

/** Whether the loudest frame is far louder than any twelve frames in a row. energy: of all frames, mean squares. */
export function hasIsolatedPeak(energy, loudest) {
  let row = 0 // the loudest twelve: the largest of their faintest frames
  for (let at = 0; at + IN_A_ROW <= energy.length; at++) {
    let faintest = Infinity
    for (let next = at; next < at + IN_A_ROW && faintest > row; next++) faintest = Math.min(faintest, energy[next])
    row = Math.max(row, faintest)
  }
  return loudest > MIN_PEAK_RATIO * row
}

/**
 * The waveform without bursts, drift and hum; the same object if there are none.
 * energy: of its frames. noise: its noise floor. isolatedPeak, drift: from hasIsolatedPeak and hasDrift.
 */
export function removeArtifacts(waveform, energy, noise, { isolatedPeak, drift }) {
  const quiet = isolatedPeak ? silence(waveform, findBursts(energy, noise)) : waveform
  let drifts = drift
  if (quiet !== waveform) {
    const { hops, means } = hopEnergy(quiet)
    drifts = hasDrift(means, largest(frameEnergy(hops)))
  }
  if (!drifts) return quiet
  const level = highPass(quiet)
  const energies = frameEnergy(hopEnergy(level).hops)
  if (!hasIsolatedPeak(energies, largest(energies))) return level
  return silence(level, findBursts(energies, noiseFloor(energies, level.length)))
}

/** A copy with silence in place of the bursts; the same object if there are none. */
function silence(waveform, bursts) {
  if (bursts.length === 0) return waveform
  const copy = waveform.slice()
  for (const [first, last] of bursts) copy.fill(0, Math.max((first - WINDOW) * HOP, 0), (last - WINDOW) * HOP + FRAME)
  return copy
}

/** The waveform without frequencies below CUTOFF_HZ: hum, rumble, a drifting level. Same size, no delay. */
export function highPass(waveform) {
  const half = (TAPS - 1) / 2
  const filter = lowPass(half)
  const size = waveform.length
  // Extend both ends by point reflection: a drifting level continues, and no step rings.
  const reach = Math.min(half, size - 1)
  const extended = new Float64Array(size + 2 * half)
  for (let at = 0; at < half; at++) {
    const back = Math.min(half - at, reach)
    extended[at] = Math.fround(2 * waveform[0] - waveform[back])
    const on = Math.min(at + 1, reach)
    extended[half + size + at] = Math.fround(2 * waveform[size - 1] - waveform[size - 1 - on])
  }
  extended.set(waveform, half)
  const result = new Float32Array(size)
  for (let at = 0; at < size; at++) {
    let low = filter[half] * extended[at + half]
    for (let tap = 0; tap < half; tap++) low += filter[tap] * (extended[at + tap] + extended[at + 2 * half - tap])
    result[at] = waveform[at] - low
  }
  return result
}

/** A low-pass filter of 2 * half + 1 taps: a sinc under a Hamming window, with a sum of 1. */
function lowPass(half) {
  const taps = Float64Array.from({ length: 2 * half + 1 }, (_, tap) => {
    const angle = (2 * Math.PI * CUTOFF_HZ * (tap - half)) / SAMPLE_RATE_HZ
    const sinc = tap === half ? 1 : Math.sin(angle) / angle
    return sinc * (0.54 - 0.46 * Math.cos((Math.PI * tap) / half))
  })
  const sum = taps.reduce((total, tap) => total + tap, 0)
  return taps.map((tap) => tap / sum)
}

/**
 * The bursts that are louder than the word, by their [first, last] frame; none if there is no word.
 * A burst is short, with quiet around it. A click may be close to the word or within it, a pop may not.
 */
export function findBursts(energy, noise) {
  const remaining = energy.slice()
  let found = [] // of {whole, top}
  let word = null
  while (word === null && found.length < MAX_BURSTS) {
    const peak = remaining.indexOf(largest(remaining))
    if (remaining[peak] <= MIN_WORD_RATIO * noise) break
    const whole = rangeAround(remaining, peak, Math.max(remaining[peak] * TAIL, 4 * noise))
    const top = rangeAround(remaining, peak, Math.max(remaining[peak] * TOP, 4 * noise))
    if (length(whole) > MAX_POP && length(top) > MAX_CLICK) {
      word = whole
      break
    }
    found.push(length(whole) <= MAX_POP ? { whole: withDecay(remaining, whole, 4 * noise), top } : { whole: top, top })
    const [first, last] = found.at(-1).whole
    remaining.fill(0, first, last + 1)
  }
  if (word === null) {
    // Perhaps a word as short as a pop.
    const later = found.findIndex(({ top }, number) => number > 0 && length(top) > MAX_CLICK)
    if (later < 0) return []
    word = found[later].whole
    found = found.slice(0, later)
  }
  const loudest = MIN_BURST_RATIO * loudestOf(energy, word)
  return found
    .filter(({ top }) => loudestOf(energy, top) > loudest)
    .map(({ whole, top }) => (isSeparate(whole, word) ? whole : top))
    .filter((burst) => isSeparate(burst, word))
}

const length = ([first, last]) => last - first + 1
const loudestOf = (energy, [first, last]) => largest(energy.subarray(first, last + 1))
const isSeparate = (burst, word) => length(burst) <= MAX_CLICK || word[0] - burst[1] > MIN_GAP || burst[0] - word[1] > MIN_GAP

/** The frames together with those on either side in which the sound rises and decays. */
function withDecay(energy, [first, last], threshold) {
  while (last + 1 < energy.length && threshold < energy[last + 1] && energy[last + 1] < energy[last]) last++
  while (first && threshold < energy[first - 1] && energy[first - 1] < energy[first]) first--
  return [first, last]
}

/** The frames around the peak that are above the threshold without a gap. */
function rangeAround(energy, peak, threshold) {
  let first = peak
  let last = peak
  while (first && energy[first - 1] > threshold) first--
  while (last + 1 < energy.length && energy[last + 1] > threshold) last++
  return [first, last]
}
