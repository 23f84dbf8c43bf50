// What the model hears in each span of a recording that may hold one digit, and the lattice of those spans. The same as
// mmdigit/numbers/spoken.py, which says where the constants come from.

import { SAMPLE_RATE_HZ } from "../decoding/frames.js"
import { clip } from "../decoding/primitives/numbers.js"
import { soundError } from "../decoding/sound_error.js"
import { speechWindow } from "../decoding/speech.js"
import { FRAME, findBoundaries } from "./boundaries.js"
import { N_DIGITS } from "./decoding.js"
import { heardEnds, spanLogOdds } from "./frame_evidence.js"
import { findNumberWords, isTaken, withoutSpeechOf } from "./number_words.js"

const SHORTEST = 12 // frames of 10 ms
const LONGEST = 95
const LOUDEST_CUTS = 1.4
const LEAST_SPEECH = 3 // frames of loud speech in a span
const SHORTEST_HEARD = 6
const LEAST_SPEECH_HEARD = 1
const MAX_SPANS = 20_000
const BATCH = 32 // spans that the model hears at once
const LEAST_CHANCE = 1e-9
const MAX_DEVIATION = 4

/**
 * {boundaries, first, last, logProbabilities, logIsDigit, logOdds, logLengthS, words}: Int32Array(S) each, the boundaries
 * between which each span lies; Float64Array(10 * S); Float64Array(S), the logarithm of the chance that it is a digit;
 * Float64Array(10 * S), by the listener of the whole recording; Float64Array(S); the words that change the number.
 *
 * listen: takes Float32Array(8000)s, resolves with {probabilities, novelty}, of each: ten, and one. listenToAll: takes the
 * waveform, resolves with what loadListener of session.js says. onShare: hears how much is done, 0 to 1.
 * Throws with code "too_long" for more spans than MAX_SPANS.
 */
export async function listenToSpans(waveform, { listen, listenToAll, onShare = () => {} }) {
  const { ofDigits, ofWords } = await listenToAll(waveform)
  const boundaries = findBoundaries(waveform, heardEnds(ofDigits, ofWords))
  const { first, last } = findSpans(boundaries)
  const count = first.length
  if (count > MAX_SPANS) {
    throw soundError("too_long", `expected at most ${MAX_SPANS} spans of speech, got ${count}; cut the recording`)
  }
  const [logProbabilities, logIsDigit, logLengthS] = [N_DIGITS, 1, 1].map((width) => new Float64Array(width * count))
  const logOdds = spanLogOdds(ofDigits, first, last, timesOf(boundaries))
  const log = (chance) => Math.log(clip(chance, LEAST_CHANCE, 1))
  const sampleOf = (place) => boundaries.frames[place] * FRAME
  for (let start = 0; start < count; start += BATCH) {
    const rows = Array.from({ length: Math.min(BATCH, count - start) }, (_, row) => start + row)
    const windows = rows.map((span) => speechWindow(waveform.subarray(sampleOf(first[span]), sampleOf(last[span]))))
    const { probabilities, novelty } = await listen(windows)
    rows.forEach((span, row) => {
      logProbabilities.set(probabilities[row].map(log), N_DIGITS * span)
      logIsDigit[span] = log(1 - novelty[row])
      logLengthS[span] = Math.log((sampleOf(last[span]) - sampleOf(first[span])) / SAMPLE_RATE_HZ)
    })
    onShare((start + rows.length) / count)
  }
  const words = findNumberWords(ofWords)
  return { boundaries, first, last, logProbabilities, logIsDigit, logOdds, logLengthS, words }
}

/** When each boundary is, in seconds. */
export const timesOf = ({ frames }) => Array.from(frames, (frame) => frame * (FRAME / SAMPLE_RATE_HZ))

/** The same spans, but where these words are said is silence. */
export function withoutWords(spans, words) {
  const timesS = timesOf(spans.boundaries)
  const taken = (span) => isTaken(words, timesS[spans.first[span]], timesS[spans.last[span]])
  const logIsDigit = spans.logIsDigit.map((log, span) => (taken(span) ? -Infinity : log))
  return { ...spans, boundaries: withoutSpeechOf(words, spans.boundaries), logIsDigit }
}

/** {first, last}: Int32Array(S) each. */
export function findSpans({ frames, quiet, heard, speech, loudness }) {
  const [first, last] = [[], []]
  for (let from = 0; from < frames.length; from++) {
    for (let to = from + 1; to < frames.length && frames[to] - frames[from] <= LONGEST; to++) {
      const [length, spoken] = [frames[to] - frames[from], speech[to] - speech[from]]
      const isHeard = heard[from] && heard[to] && length >= SHORTEST_HEARD && spoken >= LEAST_SPEECH_HEARD
      const isQuiet = quiet[from] && quiet[to] && length >= SHORTEST && spoken >= LEAST_SPEECH
      if (!isHeard && !(isQuiet && loudness[from] + loudness[to] <= LOUDEST_CUTS)) continue
      first.push(from)
      last.push(to)
    }
  }
  return { first: Int32Array.from(first), last: Int32Array.from(last) }
}

/**
 * The lattice, as decoding.js has it. scoring: of spoken_calibration.json. pace: the speaker's, how much longer than usual
 * the digits are, as a logarithm; null = unknown.
 */
export function spokenLattice(spans, scoring, pace = null) {
  const { boundaries: at, first, last } = spans
  const usual = scoring.usual_s.map((length) => Math.log(length) + (pace ?? 0))
  const [weight, deviation] =
    pace === null ? [scoring.length, scoring.length_sd] : [scoring.paced_length, scoring.paced_length_sd]
  const scores = new Float64Array(N_DIGITS * first.length)
  first.forEach((from, span) => {
    const ofSpan = scoring.novelty * spans.logIsDigit[span] - scoring.cut * (at.loudness[from] + at.loudness[last[span]])
    for (let digit = 0; digit < N_DIGITS; digit++) {
      const z = clip((spans.logLengthS[span] - usual[digit]) / deviation, -MAX_DEVIATION, MAX_DEVIATION)
      const place = N_DIGITS * span + digit
      scores[place] = spans.logProbabilities[place] + scoring.frames * spans.logOdds[place] + ofSpan - (weight / 2) * z ** 2
    }
  })
  return {
    leftOut: at.speech.map((speech) => scoring.left_out * speech),
    allLeftOut: scoring.left_out * at.totalSpeech,
    first,
    last,
    scores,
  }
}
