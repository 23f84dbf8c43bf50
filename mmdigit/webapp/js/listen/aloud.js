// Reads a number back aloud, digit by digit, unless the person has a screen reader do it.

import { pause } from "../pause.js"
import { settings } from "../settings.js"
import { hush, say, sayDigit } from "../sound/clips.js"

const READ_OUT_MS = 2500 // for a screen reader to say what the focus is on, before a clip is heard

let turn = 0 // whose turn it is to speak

/**
 * Read the digits back. before, after: names of clips. late: after a while, for a screen reader may be speaking. asked: by a
 * button of its own, so in any case. onDigit(at) hears which digit is said, and null at the end.
 */
export async function readBack(digits, { before = [], after = [], late = false, asked = false, onDigit = () => {} } = {}) {
  beQuiet()
  if (!settings.readBack && !asked) return
  const mine = turn
  const speak = async (clips) => {
    for (const clip of clips) if (turn === mine) await (/^\d$/.test(clip) ? sayDigit(clip, { asked: true }) : say(clip, { asked: true }))
  }
  if (late) await pause(READ_OUT_MS)
  await speak(before)
  for (const [at, { label, doubtful }] of digits.entries()) {
    if (turn !== mine) return
    onDigit(at)
    await speak([...(doubtful ? ["perhaps"] : []), ...(label ? [label] : [])])
  }
  if (turn !== mine) return
  onDigit(null)
  await speak(after)
}

/** Say clips alone, as readBack says them. */
export const sayClips = (clips, options = {}) => readBack([], { ...options, before: clips })

/** End what is said now. */
export function beQuiet() {
  turn++
  hush()
}
