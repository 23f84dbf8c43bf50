// The digits of a number that was heard or seen: which of them are in doubt, and what a person makes of them.

export const DOUBT = 0.95 // 19 of 19 wrong digits are less sure, 3 % of the right: lab.benchmarks.strings.doubting

/**
 * Digits: {label, share, other, otherShare, doubtful, startS, endS, corners}; label: "0" to "9", "" = still to be typed;
 * share, otherShare: how likely it and the next likeliest are, null where a person has said it; startS, endS: where it is
 * said; corners: where it stands in a photo. answer: as hearInPage or readLineInPage of model/reader.js give it.
 */
export function digitsOf(answer) {
  const digits = answer.digits.map((digit) => ({
    label: `${digit.label}`,
    share: digit.confidence,
    other: `${digit.runner_up}`,
    otherShare: digit.runner_up_confidence ?? null,
    doubtful: digit.confidence < DOUBT || (digit.cut_sides ?? []).length > 0,
    startS: digit.start_s ?? null,
    endS: digit.end_s ?? null,
    corners: digit.corners ?? null,
  }))
  if (answer.reasons.includes("low_confidence") && digits.length > 0 && !digits.some(({ doubtful }) => doubtful)) {
    digits.reduce((least, digit) => (digit.share < least.share ? digit : least)).doubtful = true
  }
  return digits
}

/** A digit as a person has typed it, in place of another one or, before: null, as a new one; "" is still to be typed. */
export const typed = (label, before = null) => ({
  ...(before ?? { startS: null, endS: null, corners: null }),
  label,
  share: null,
  other: null,
  otherShare: null,
  doubtful: label === "",
})

/** A digit that was said once more. prediction: as readInPage of model/reader.js gives it. */
export function saidAgain({ probabilities, decision }, before) {
  const [best, second] = [...probabilities.keys()].sort((one, other) => probabilities[other] - probabilities[one])
  const share = probabilities[best]
  return {
    ...typed(`${best}`, before),
    share,
    other: `${second}`,
    otherShare: probabilities[second],
    doubtful: decision !== "accept" && share < DOUBT,
  }
}
