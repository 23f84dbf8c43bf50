// Which digit comes next. Pure.

export const REMEMBERED = 5 // first tries of a digit that count
const UNTRIED_LOTS = 3

/**
 * How many lots a digit has: one, and two more for each of its last first tries that did not go right.
 * last: whether each went right, at most REMEMBERED of them.
 */
export const lotsOf = (last) => (last.length === 0 ? UNTRIED_LOTS : 1 + 2 * last.filter((right) => !right).length)

/**
 * Draw the next digit: what has gone less well comes more often, and none twice in a row if there is another.
 * digits: those to choose from, at least one. lastOf(digit): as in lotsOf. before: the digit before, or null.
 * random: a number in [0, 1).
 */
export function nextDigit(digits, lastOf, before, random) {
  const others = digits.length > 1 ? digits.filter((digit) => digit !== before) : digits
  const lots = others.flatMap((digit) => Array(lotsOf(lastOf(digit))).fill(digit))
  return lots[Math.floor(random * lots.length)]
}

/** Whether to practise a digit: of its last first tries, fewer than three in five went right. */
export const needsPractice = (last) => last.length > 0 && last.filter(Boolean).length < 0.6 * last.length
