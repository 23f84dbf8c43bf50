// Accept or review: pure functions of the heads' probabilities. Equal to mmdigit/reading/decision.py.

const N_DIGITS = 10
export const HEADS = ["image", "audio", "fused"]
export const DEFAULT_TARGET_ERROR = 0.001

/** Probabilities of logits (10,). temperature: above 0; a higher one lowers the confidence, never changes the label. */
export function softmax(logits, temperature) {
  const highest = Math.max(...logits)
  const powers = Array.from(logits, (logit) => Math.exp((logit - highest) / temperature))
  const sum = powers.reduce((total, power) => total + power, 0)
  return powers.map((power) => power / sum)
}

export const sigmoid = (logit) => 1 / (1 + Math.exp(-Math.min(60, Math.max(-60, logit))))

/** The most probable digit; of equals, the first. */
export const labelOf = (probabilities) => probabilities.indexOf(Math.max(...probabilities))

/** The probability that both mean the same digit, taking them as independent and calibrated. */
export const agreement = (image, audio) => image.reduce((total, share, digit) => total + share * audio[digit], 0)

/**
 * The confidence from which each digit is accepted, (10,), at a target error, range (0, 1).
 *
 * rows: a head's risk-coverage table, in any order: {confidence: one or (10,), coverage, error, bound}. It is the row
 * with the highest coverage whose bound meets the target; if none does, the calibrated confidences decide, and the row
 * is no looser than the one with the lowest bound.
 */
export function acceptedFrom(rows, targetError) {
  const sorted = [...rows].sort((one, other) => strictness(one) - strictness(other))
  const meeting = sorted.find((row) => row.bound <= targetError)
  if (meeting) return confidencesOf(meeting)
  const errors = predictedErrors(sorted)
  const loosest = sorted.find((_, index) => errors[index] <= targetError + 1e-9) ?? sorted.at(-1)
  const safest = sorted.reduce((best, row) => (row.bound < best.bound ? row : best))
  return confidencesOf(strictness(safest) > strictness(loosest) ? safest : loosest)
}

const confidencesOf = (row) => (Array.isArray(row.confidence) ? row.confidence : Array(N_DIGITS).fill(row.confidence))
const strictness = (row) => confidencesOf(row).reduce((total, confidence) => total + confidence, 0)

/** For each row, the loosest first, the error that calibrated confidences predict at most. */
function predictedErrors(rows) {
  let [wrong, accepted, highest] = [0, 0, 0]
  return [...rows].reverse().map((row) => {
    const doubt = 1 - strictness(row) / N_DIGITS
    wrong += doubt * Math.max(row.coverage - accepted, 0)
    accepted = Math.max(row.coverage, accepted)
    highest = Math.max(highest, accepted ? wrong / accepted : doubt)
    return highest
  }).reverse()
}

/**
 * Accept or review, with every reason that applies: {decision, reasons}.
 *
 * image, audio, fused: (10,), or null without that modality (fused: without either). novelty: {image, audio}, range
 * [0, 1] or null. thresholds: as thresholdsOf of metadata.js. imageReasons: those that the image itself shows.
 */
export function decide(image, audio, fused, novelty, thresholds, imageReasons = []) {
  const [head, final] = fused ? ["fused", fused] : image ? ["image", image] : ["audio", audio]
  const label = labelOf(final)
  const reasons = []
  if (final[label] < thresholds.confidence[head][label]) reasons.push("low_confidence")
  if (fused && labelOf(image) !== labelOf(audio) && agreement(image, audio) < thresholds.agreement) reasons.push("conflict")
  if ((novelty.image ?? 0) > thresholds.novelty.image || (novelty.audio ?? 0) > thresholds.novelty.audio) {
    reasons.push("not_a_digit")
  }
  reasons.push(...imageReasons)
  return { decision: reasons.length ? "review" : "accept", reasons }
}
