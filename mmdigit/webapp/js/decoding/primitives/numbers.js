// Numbers as Python and numpy treat them.

/** The nearest integer; of two as near, the even one. */
export function round(value) {
  const below = Math.floor(value)
  const rest = value - below
  return rest < 0.5 || (rest === 0.5 && below % 2 === 0) ? below : below + 1
}

export const clip = (value, low, high) => Math.min(Math.max(value, low), high)

/** The sum, of an array's values or of what `of` makes of each. */
export function sum(values, of = (value) => value) {
  let total = 0
  for (let at = 0; at < values.length; at++) total += of(values[at])
  return total
}

export const mean = (values) => sum(values) / values.length

/** The mean squared distance from the mean. */
export function variance(values) {
  const middle = mean(values)
  return sum(values, (value) => (value - middle) ** 2) / values.length
}

/** The smallest and the largest value; arrays of any length. */
export function extremes(values) {
  let low = Infinity
  let high = -Infinity
  for (let at = 0; at < values.length; at++) {
    if (values[at] < low) low = values[at]
    if (values[at] > high) high = values[at]
  }
  return [low, high]
}

export const largest = (values) => extremes(values)[1]

/** Where the largest value is, the first of equals. */
export function largestAt(values) {
  let best = 0
  for (let at = 1; at < values.length; at++) if (values[at] > values[best]) best = at
  return best
}
