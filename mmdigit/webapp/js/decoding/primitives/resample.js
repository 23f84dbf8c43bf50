// Separable linear filters and resizing: each pixel of the result is a weighted sum of neighbours, along rows first.
//
// "Taps" say which: for each place of the result, {first, weights}, weights of the places from `first` on.

/**
 * Apply the taps of the columns, then those of the rows. plane: {width, height, data}, `channels` values a pixel.
 * between, after: what each sum becomes after the first and the second pass, such as rounding to integers.
 * Returns a plane of columns.length x rows.length pixels of the same type.
 */
export function resample(plane, columns, rows, { channels = 1, between = null, after = null } = {}) {
  const across = alongRows(plane, columns, channels, between)
  const stride = columns.length * channels
  const data = new plane.data.constructor(rows.length * stride)
  const sums = new Float64Array(stride)
  rows.forEach(({ first, weights }, row) => {
    sums.fill(0)
    for (let tap = 0; tap < weights.length; tap++) {
      const start = (first + tap) * stride
      const weight = weights[tap]
      for (let at = 0; at < stride; at++) sums[at] += weight * across[start + at]
    }
    for (let at = 0; at < stride; at++) data[row * stride + at] = after ? after(sums[at]) : sums[at]
  })
  return { width: columns.length, height: rows.length, data }
}

/** The first pass: values of every row at the places of the columns' taps, as an array. */
export function alongRows({ width, height, data }, columns, channels, between = null) {
  const made = new Float64Array(height * columns.length * channels)
  let at = 0
  for (let row = 0; row < height; row++) {
    for (const { first, weights } of columns) {
      const start = (row * width + first) * channels
      for (let channel = 0; channel < channels; channel++) {
        let total = 0
        for (let tap = 0; tap < weights.length; tap++) total += weights[tap] * data[start + tap * channels + channel]
        made[at++] = between ? between(total) : total
      }
    }
  }
  return made
}

/** Taps that add weights at any places, which may repeat. entries: for each place of the result, [[place, weight]]. */
export function gatherTaps(entries) {
  return entries.map((pairs) => {
    const places = pairs.map(([place]) => place)
    const first = Math.min(...places)
    const weights = new Float64Array(Math.max(...places) - first + 1)
    for (const [place, weight] of pairs) weights[place - first] += weight
    return { first, weights }
  })
}
