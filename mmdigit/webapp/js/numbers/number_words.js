// The words that change a spoken number: "double five" is 55, "triple five" 555, and "three, no, four" is 4. The same as
// mmdigit/numbers/number_words.py, which says why.

import { SAMPLE_RATE_HZ } from "../decoding/frames.js"
import { round } from "../decoding/primitives/numbers.js"
import { FRAME, withLevel } from "./boundaries.js"
import { FIRST_S, STEP_S } from "./frame_evidence.js"

const NUMBER_WORDS = ["double", "triple", "no"]
export const N_WORDS = NUMBER_WORDS.length
const TIMES = { double: 2, triple: 3 }
const APART_S = 0.2
const FRAMES_A_S = SAMPLE_RATE_HZ / FRAME
const SILENT_S = [0.3, 0.35]
const TAKEN_S = [0.15, 0.3]
const MOST_TAKEN = 0.9

/**
 * The words that are likelier than all else, the likeliest first: {word, timeS, logOdds}. logOdds: Float64Array(N_WORDS *
 * n_steps), by the listener.
 */
export function findNumberWords(logOdds) {
  const found = []
  let before = -1
  for (let step = 0; N_WORDS * step < logOdds.length; step++) {
    const odds = logOdds.subarray(N_WORDS * step, N_WORDS * (step + 1))
    const best = odds.indexOf(Math.max(...odds))
    const heard = odds[best] > 0 ? best : -1
    const said = { word: NUMBER_WORDS[best], timeS: FIRST_S + STEP_S * step, logOdds: odds[best] }
    if (heard >= 0 && heard !== before) found.push(said)
    else if (heard >= 0 && odds[best] > found.at(-1).logOdds) found[found.length - 1] = said
    before = heard
  }
  const kept = []
  for (const word of found.toSorted((one, other) => other.logOdds - one.logOdds)) {
    if (kept.every(({ timeS }) => Math.abs(word.timeS - timeS) > APART_S)) kept.push(word)
  }
  return kept
}

/** The same boundaries, as if the words were silence. */
export function withoutSpeechOf(words, boundaries) {
  const level = boundaries.level.slice()
  const frame = (timeS) => Math.max(0, round(timeS * FRAMES_A_S))
  for (const { timeS } of words) level.fill(0, frame(timeS - SILENT_S[0]), frame(timeS + SILENT_S[1]))
  return withLevel(boundaries, level)
}

/** Whether a span is no digit, because such a word is there. */
export const isTaken = (words, startS, endS) =>
  words.some(({ timeS }) => {
    const inside = Math.min(endS, timeS + TAKEN_S[1]) - Math.max(startS, timeS - TAKEN_S[0])
    return inside > MOST_TAKEN * (endS - startS) || (startS < timeS && timeS < endS)
  })

/**
 * For each digit of the number, which of those that are said it is; null if a word has no digit to change. timesS: when each
 * is said, rising.
 */
export function placeDigits(words, timesS) {
  let placed = []
  const left = [...words].sort((one, other) => one.timeS - other.timeS)
  for (const [digit, timeS] of timesS.entries()) {
    let [times, takenBack] = [1, false]
    while (left.length > 0 && left[0].timeS < timeS) {
      const { word } = left.shift()
      if (times > 1) return null
      if (word in TIMES) times = TIMES[word]
      else if (!takenBack) {
        placed = placed.filter((place) => place !== placed.at(-1))
        takenBack = true
      }
    }
    placed.push(...Array(times).fill(digit))
  }
  return left.length > 0 ? null : placed
}
