// How much likelier than none each digit is in a span of a recording, by a listener of the whole recording. The same as
// mmdigit/numbers/frame_evidence.py, which says how and why.

import { clip } from "../decoding/primitives/numbers.js"
import { N_DIGITS } from "./decoding.js"

const HOP = 160 // samples: 20 ms; a recording is padded to a multiple of it
export const STEP_S = 0.04 // from the middle of a step to that of the next one
export const FIRST_S = 0.016 // of the first step
const LEAST = -20 // of the odds of a span, as a logarithm
const STEP_FRAMES = 4 // STEP_S and FIRST_S in frames of 10 ms, rounded
const FIRST_FRAMES = 2
const LEAST_PEAK = -4 // of the odds of the likeliest digit or word, as a logarithm
const REACH = 35 // frames of 10 ms

/** The recording as the listener takes it. waveform: Float32Array. */
export function padded(waveform) {
  const whole = new Float32Array(Math.max(2, Math.ceil(waveform.length / HOP)) * HOP)
  whole.set(waveform)
  return whole
}

/** These columns of a table, `width` numbers a row, as a table of their own. values: Float32Array or Float64Array. */
export function columns(values, width, from, to) {
  const taken = new Float64Array((values.length / width) * (to - from))
  for (let at = 0; at < taken.length; at++) {
    const row = Math.floor(at / (to - from))
    taken[at] = values[width * row + from + (at % (to - from))]
  }
  return taken
}

/**
 * Where digits begin and end by the listener, in frames of 10 ms, some of them twice: halfway between the peaks of its odds, of
 * words too, or REACH from one. ofDigits, ofWords: of each digit, and of each word that changes a number, every STEP_S.
 */
export function heardEnds(ofDigits, ofWords) {
  const steps = ofDigits.length / N_DIGITS
  const width = ofWords.length / steps
  const best = Array.from({ length: steps }, (_, step) =>
    Math.max(...ofDigits.subarray(N_DIGITS * step, N_DIGITS * (step + 1)), ...ofWords.subarray(width * step, width * (step + 1))))
  const isPeak = (odds, step) => odds > LEAST_PEAK && odds >= (best[step - 1] ?? -Infinity) && odds > (best[step + 1] ?? -Infinity)
  const peaks = best.flatMap((odds, step) => (isPeak(odds, step) ? [STEP_FRAMES * step + FIRST_FRAMES] : []))
  const halfway = peaks.slice(1).map((frame, place) => Math.floor((frame + peaks[place]) / 2))
  return peaks.flatMap((frame, place) => [
    Math.max(frame - REACH, halfway[place - 1] ?? -Infinity),
    Math.min(frame + REACH, halfway[place] ?? Infinity),
  ])
}

/**
 * The logarithm of the odds of each digit in each span, Float64Array(10 * S), at least LEAST: of the best run of its steps.
 *
 * logOdds: of each digit, every STEP_S, 10 * n_steps; first, last: Int32Array(S), the boundaries of each span, by their places
 * in timesS, rising; those that begin at the same boundary follow one another.
 */
export function spanLogOdds(logOdds, first, last, timesS) {
  const count = logOdds.length / N_DIGITS
  const steps = Array.from(timesS, (time) => clip(Math.ceil((time - FIRST_S) / STEP_S), 0, count))
  const found = new Float64Array(N_DIGITS * first.length).fill(LEAST)
  for (let span = 0; span < first.length; ) {
    const from = span
    while (first[span] === first[from]) span++ // those that begin at the same boundary follow one another
    const ends = Array.from(last.subarray(from, span), (place) => steps[place] - steps[first[from]])
    for (let digit = 0; digit < N_DIGITS; digit++) {
      const best = bestRuns(Math.max(...ends), (step) => logOdds[N_DIGITS * (steps[first[from]] + step) + digit])
      ends.forEach((end, row) => (found[N_DIGITS * (from + row) + digit] = best[end]))
    }
  }
  return found
}

/** The largest sum of neighbouring steps within the first 0 to `longest` of them, at least LEAST. */
function bestRuns(longest, oddsAt) {
  const best = new Float64Array(longest + 1).fill(LEAST)
  let run = LEAST
  for (let step = 0; step < longest; step++) {
    run = Math.max(run, 0) + oddsAt(step)
    best[step + 1] = Math.max(best[step], run)
  }
  return best
}
