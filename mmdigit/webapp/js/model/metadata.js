// What the model's metadata, mmdigit.json, say of reading. Equal to mmdigit/reading/metadata.py, generations 2 and 3.

import { DEFAULT_TARGET_ERROR, HEADS, acceptedFrom } from "./decision.js"

/** Of the image head, as its metadata has them: {temperature, risk}. photographed: as readDigit of image.js says. */
export function imageHeadOf(metadata, photographed) {
  const { temperature, risk, photographs } = metadata
  return (photographed && photographs) || { temperature: temperature.image, risk: risk.image }
}

/**
 * When an answer goes to review: {confidence: {head: (10,)}, agreement, novelty: {image, audio}}.
 * photographed: as readDigit of image.js says; targetError: the share of accepted digits that may be wrong, range (0, 1).
 */
export function thresholdsOf(metadata, photographed, targetError = DEFAULT_TARGET_ERROR) {
  const { agreement, image_novelty: image, audio_novelty: audio } = metadata.thresholds
  const confidence = Object.fromEntries(HEADS.map((head) => {
    const { by_digit: byDigit, rows } = head === "image" ? imageHeadOf(metadata, photographed).risk : metadata.risk[head]
    return [head, acceptedFrom(byDigit ?? rows, targetError)]
  }))
  return { confidence, agreement, novelty: { image, audio } }
}
