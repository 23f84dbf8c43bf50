// A number in words: how many digits, which of them are in doubt, why a person has to look.

import { percent, sentences, t } from "../texts.js"

const SUREST = 0.999 // the most that is told: nothing is sure
const REASONS = {
  sound: ["wrong_count", "other_speech"],
  picture: ["count_differs", "touching", "ink_left_out", "several_lines", "not_a_digit", "struck_out"],
}
const PROBLEMS = [
  ...["silent", "unreadable", "too_long", "unreadable_picture"], // of decoding here
  ...["unsupported", "unreachable", "damaged", "stopped"], // of the model in the page
]

/** The digits with spaces between them, as a voice reads them one by one; what is still to be typed is named. */
export const spaced = (digits) => digits.map(({ label }) => label || t("listen.blank")).join(" ")

/** What the heading says of a number. */
export function titleOf({ source, digits, confirmed }) {
  if (confirmed) return t("listen.confirmed")
  if (digits.length === 0) return t(`listen.none.${source}`)
  return t(`listen.count.${source}`, { count: digits.length })
}

/** Why a person has to look at it: sentences. */
export function reasonsOf({ source, reasons, countHeard, count }) {
  return REASONS[source].filter((reason) => reasons.includes(reason)).map((reason) => t(`listen.reason.${reason}`, { count: countHeard, expected: count ?? 0 }))
}

/** A digit's place: Digit 3 of 8. */
export const placeOf = (at, digits) => t("listen.place", { n: at + 1, count: digits.length })

/** What is not sure of a digit; "" if all is. */
export function doubtOf({ label, doubtful, other }) {
  if (label === "") return t("listen.doubt.blank")
  if (!doubtful) return ""
  return other === null ? t("listen.doubt") : t("listen.doubt.other", { label, other })
}

/** How a digit was found: how likely it is, or who said it. */
export function foundOf({ label, share, other, otherShare }, source) {
  if (label === "") return t("listen.doubt.blank")
  if (share === null) return t("listen.found.typed", { label })
  const first = t(`listen.found.${source}`, { label, share: percent(Math.min(share, SUREST), 1) })
  return otherShare === null || otherShare < 0.001 ? first : sentences(first, t("listen.found.other", { other, share: percent(otherShare, 1) }))
}

/** All the doubts of a number, for a voice: sentences. */
export const doubtsOf = (digits) =>
  digits.flatMap((digit, at) => (doubtOf(digit) ? [t("listen.doubt.place", { n: at + 1, doubt: doubtOf(digit) })] : []))

/** What went wrong, in words; null for an error that nobody expects. */
export function problemText(error) {
  if (PROBLEMS.includes(error.code)) return t(`listen.problem.${error.code}`)
  return error.code === undefined ? null : t("listen.problem.other", { detail: error.message })
}
