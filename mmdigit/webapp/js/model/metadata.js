// What the model's metadata, mmdigit.json, say of reading. Equal to mmdigit/reading/metadata.py, generation 2.

import { DEFAULT_TARGET_ERROR, HEADS, acceptedFrom } from "./decision.js"

/**
 * When an answer goes to review: {confidence: {head: (10,)}, agreement, novelty: {image, audio}}.
 * targetError: the share of accepted digits that may be wrong, range (0, 1).
 */
export function thresholdsOf(metadata, targetError = DEFAULT_TARGET_ERROR) {
  const { agreement, image_novelty: image, audio_novelty: audio } = metadata.thresholds
  const confidence = Object.fromEntries(HEADS.map((head) => {
    const { by_digit: byDigit, rows } = metadata.risk[head]
    return [head, acceptedFrom(byDigit ?? rows, targetError)]
  }))
  return { confidence, agreement, novelty: { image, audio } }
}
