// Percentiles, as mmdigit/reading/percentiles.py.

const FEW = 2000 // values that are sorted

/** The values that `percents` of the values are below, interpolated; NaN if there are none. values: a typed array. */
export function percentiles(values, ...percents) {
  if (values.length === 0) return percents.map(() => NaN)
  const ordered = values.slice()
  if (ordered.length <= FEW) ordered.sort()
  return percents.map((percent) => {
    const rank = (percent / 100) * (ordered.length - 1)
    const at = Math.floor(rank)
    const low = valueAt(ordered, at)
    return low + (valueAt(ordered, Math.min(at + 1, ordered.length - 1)) - low) * (rank - at)
  })
}

/** The value that would be at a place if they were in order; puts them partly in order (Hoare 1961, "Find"). */
function valueAt(values, place) {
  let [first, last] = values.length <= FEW ? [place, place] : [0, values.length - 1]
  while (first < last) {
    const pivot = values[(first + last) >> 1]
    let [low, high] = [first, last]
    while (low <= high) {
      while (values[low] < pivot) low++
      while (pivot < values[high]) high--
      if (low > high) break
      const swapped = values[low]
      values[low++] = values[high]
      values[high--] = swapped
    }
    if (place <= high) last = high
    else if (place >= low) first = low
    else break
  }
  return values[place]
}
