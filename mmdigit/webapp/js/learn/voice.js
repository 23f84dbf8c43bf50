// What the exercise says aloud: the digit, and the answer, where a clip has words for it.

import { hush, say, sayDigit } from "../sound/clips.js"

const PHRASES = { not_a_digit: "not_a_digit", could_be: "not_sure" } // by remark; names of clips

/** Say the digit to write. asked: by a button, or because this is what the exercise is about: in any case. */
export const speakDigit = (digit, { asked = false } = {}) => sayDigit(digit, { asked })

/** Say what was seen, if answers are to be aloud. */
export function speakFeedback({ right, remarks }, digit) {
  const phrase = remarks.map(({ code }) => PHRASES[code]).find(Boolean)
  if (phrase) return say(phrase)
  const other = remarks.find(({ code }) => code === "looks_like")?.other
  if (right || other !== undefined) return sayDigit(right ? digit : other)
  return undefined
}

export { hush }
