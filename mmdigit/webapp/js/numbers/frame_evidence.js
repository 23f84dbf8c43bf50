// How much likelier than none each digit is in a span of a recording, by a listener of the whole recording. The same as
// mmdigit/numbers/frame_evidence.py, which says how and why.

import { clip } from "../decoding/primitives/numbers.js"
import { N_DIGITS } from "./decoding.js"

const HOP = 160 // samples: 20 ms; a recording is padded to a multiple of it
export const STEP_S = 0.04 // from the middle of a step to that of the next one
export const FIRST_S = 0.016 // of the first step
const LEAST = -20 // of the odds of a span, as a logarithm

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
