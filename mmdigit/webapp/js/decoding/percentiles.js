// Percentiles, as mmdigit/reading/percentiles.py.

/** The values that `percents` of the values are below, interpolated; NaN if there are none. values: a typed array. */
export function percentiles(values, ...percents) {
  if (values.length === 0) return percents.map(() => NaN)
  const ordered = values.slice().sort()
  return percents.map((percent) => {
    const rank = (percent / 100) * (ordered.length - 1)
    const at = Math.floor(rank)
    const low = ordered[at]
    return low + (ordered[Math.min(at + 1, ordered.length - 1)] - low) * (rank - at)
  })
}
