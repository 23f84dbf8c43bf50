// Otsu's threshold of a histogram, as OpenCV's THRESH_OTSU.

const TINY = 2 ** -23 // FLT_EPSILON

/** The level of 0-255 up to which pixels belong to the darker of the two groups that differ most. levels: integers. */
export function otsuLevel(levels) {
  const counts = new Float64Array(256)
  for (let at = 0; at < levels.length; at++) counts[levels[at]] += 1
  const scale = 1 / levels.length
  let overall = 0
  for (let level = 0; level < 256; level++) overall += level * counts[level]
  overall *= scale
  let below = 0 // share of the pixels
  let meanBelow = 0
  let best = 0
  let mostApart = 0
  for (let level = 0; level < 256; level++) {
    const share = counts[level] * scale
    meanBelow *= below
    below += share
    const rest = 1 - below
    if (Math.min(below, rest) < TINY || Math.max(below, rest) > 1 - TINY) continue
    meanBelow = (meanBelow + level * share) / below
    const meanAbove = (overall - below * meanBelow) / rest
    const apart = below * rest * (meanBelow - meanAbove) * (meanBelow - meanAbove)
    if (apart > mostApart) {
      mostApart = apart
      best = level
    }
  }
  return best
}
