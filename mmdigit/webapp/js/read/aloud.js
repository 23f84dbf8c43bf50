// Says an answer aloud, where somebody has asked for it.

import { hush, say, sayDigit } from "../sound/clips.js"

const PHRASES = ["conflict", "not_a_digit", "several_digits", "struck_out"]

let turn = 0 // whose turn it is to speak

/** Say the predictions, one after the other, until beQuiet. Says nothing unless settings.speak. */
export async function sayAnswers(predictions) {
  const mine = ++turn
  for (const prediction of predictions) for (const clip of clipsOf(prediction)) {
    if (turn !== mine) return
    await clip()
  }
}

/** End what is said now. */
export function beQuiet() {
  turn++
  hush()
}

function clipsOf({ label, decision, reasons, image }) {
  const phrase = PHRASES.find((name) => reasons.includes(name))
  if (phrase) return [() => say(phrase === "not_a_digit" && !image ? "not_heard" : phrase)]
  return [...(decision === "accept" ? [] : [() => say("not_sure"), () => say("perhaps")]), () => sayDigit(label)]
}
