// What the exercise says aloud: the digit to write, and the remarks, from clips.

import { pause } from "../pause.js"
import { hush, say, sayDigit } from "../sound/clips.js"

const CLIPS = {
  empty: () => ["empty"],
  not_a_digit: () => ["not_a_digit"],
  mirrored: () => ["mirrored"],
  upside_down: () => ["upside_down"],
  looks_like: ({ other }) => ["looks_like", other],
  could_be: ({ one, other }) => ["could_be", one, "or", other],
  missing: () => ["missing"],
  open: () => ["gap"],
  closed: () => ["touching"],
  start: () => ["begin_there"],
  reversed: ({ part }) => [part === "stem" ? "long_line_down" : "begin_there"],
  turning: () => ["other_way"],
  order: ({ part }) => [part === "stem" ? "long_line_last" : "ring_last"],
  one_line: () => ["one_line"],
  small: () => ["larger"],
  edge: () => ["middle"],
}

const READ_OUT_MS = 1500 // for a screen reader to say where the focus is, before a clip is heard

let turn = 0 // whose turn it is to speak

/**
 * Say the digit to write. asked: because the exercise is to listen: in any case, and without a word more. late: after a
 * while, for a screen reader may be speaking.
 */
export const speakDigit = (digit, { asked = false, late = false } = {}) => speak(asked ? [digit] : ["write", digit], { asked }, late)

/** Say what a teacher would, if answers are to be aloud. */
export const speakFeedback = ({ right, praise, remarks }) =>
  speak([...(right ? ["well_done"] : []), ...remarks.flatMap(clipsOf), ...(right || praise === null ? [] : ["try_again"])])

/** The clips of a remark: names and digits. */
export const clipsOf = (remark) => CLIPS[remark.code](remark)

/** End what is said now. */
export function beQuiet() {
  turn += 1
  hush()
}

async function speak(clips, options = {}, late = false) {
  beQuiet()
  const mine = turn
  if (late) await pause(READ_OUT_MS)
  for (const clip of clips) {
    if (turn !== mine) return
    await (typeof clip === "number" ? sayDigit(clip, options) : say(clip, options))
  }
}
