// The digits of a lattice: the likeliest way to cut it, and the likeliest of those with another digit at a place. The same
// as mmdigit/numbers/decoding.py. Source: Rabiner 1989, "A Tutorial on Hidden Markov Models", the Viterbi path.
//
// A lattice is {leftOut, allLeftOut, first, last, scores}: Float64Array(K), what it costs to leave out all before each
// place where a digit may begin or end; what everything costs; Int32Array(S) each, the places where each span begins and
// ends; Float64Array(10 * S), the logarithm of the chance that the span holds this digit and nothing else.

import { extremes, largestAt } from "../decoding/primitives/numbers.js"

export const N_DIGITS = 10
export const MAX_DIGITS = 64

/** The score of the likeliest way with 0 to `most` digits, Float64Array(most + 1). */
export function countScores(lattice, most = MAX_DIGITS) {
  const size = lattice.leftOut.length
  const scores = new Float64Array(most + 1).fill(-Infinity)
  if (size === 0) scores[0] = -lattice.allLeftOut
  else {
    const { table } = forward(lattice, bestScores(lattice), most)
    const after = lattice.allLeftOut - lattice.leftOut.at(-1)
    scores.forEach((_, count) => (scores[count] = table[count * size + size - 1] - after))
  }
  return scores
}

/**
 * The likeliest digits if there are `count` of them, 1 to MAX_DIGITS; null if no way has that many. {spans, scores}: the
 * spans of the likeliest way, and for each position, Float64Array(10), the score of the likeliest way with each digit.
 */
export function decode(lattice, count) {
  const size = lattice.leftOut.length
  const best = bestScores(lattice)
  const { table, cameBy } = forward(lattice, best, count)
  if (size === 0 || !Number.isFinite(table[count * size + size - 1])) return null
  const after = backward(lattice, best, count)
  const scores = Array.from({ length: count }, (_, place) => {
    const row = new Float64Array(N_DIGITS).fill(-Infinity)
    for (let span = 0; span < best.length; span++) {
      const ways = table[place * size + lattice.first[span]] + after[(count - place - 1) * size + lattice.last[span]]
      if (ways === -Infinity) continue
      for (let digit = 0; digit < N_DIGITS; digit++) {
        row[digit] = Math.max(row[digit], ways + lattice.scores[N_DIGITS * span + digit])
      }
    }
    return row
  })
  return { spans: pathOf(lattice, cameBy, count), scores }
}

/** The likeliest digit at each position. */
export const labelsOf = (decoded) => decoded.scores.map(largestAt)

/** The score of each span as its likeliest digit. */
const bestScores = ({ first, scores }) =>
  Float64Array.from(first, (_, span) => extremes(scores.subarray(N_DIGITS * span, N_DIGITS * (span + 1)))[1])

/** For each place, the spans whose end there, or start, `ends` tells. */
function spansAt(ends, size) {
  const lists = Array.from({ length: size }, () => [])
  ends.forEach((place, span) => lists[place].push(span))
  return lists
}

/** (count + 1, K) each: the score of the likeliest way up to a place with that many digits; the span that ends there, -1 = none. */
function forward({ leftOut, first, last }, best, count) {
  const size = leftOut.length
  const table = new Float64Array((count + 1) * size).fill(-Infinity)
  const cameBy = new Int32Array((count + 1) * size).fill(-1)
  const ending = spansAt(last, size)
  for (let place = 0; place < size; place++) table[place] = -leftOut[place]
  for (let place = 1; place < size; place++) {
    const skip = leftOut[place] - leftOut[place - 1]
    for (let digits = 1; digits <= count; digits++) {
      const row = digits * size
      let score = table[row + place - 1] - skip
      for (const span of ending[place]) {
        const arriving = table[row - size + first[span]] + best[span]
        if (arriving > score) {
          score = arriving
          cameBy[row + place] = span
        }
      }
      table[row + place] = score
    }
  }
  return { table, cameBy }
}

/** As forward, from a place to the end. */
function backward({ leftOut, allLeftOut, first, last }, best, count) {
  const size = leftOut.length
  const table = new Float64Array((count + 1) * size).fill(-Infinity)
  const starting = spansAt(first, size)
  for (let place = 0; place < size; place++) table[place] = leftOut[place] - allLeftOut
  for (let place = size - 2; place >= 0; place--) {
    const skip = leftOut[place + 1] - leftOut[place]
    for (let digits = 1; digits <= count; digits++) {
      const row = digits * size
      let score = table[row + place + 1] - skip
      for (const span of starting[place]) score = Math.max(score, table[row - size + last[span]] + best[span])
      table[row + place] = score
    }
  }
  return table
}

/** The spans of the likeliest way. */
function pathOf({ leftOut, first }, cameBy, count) {
  const size = leftOut.length
  const chosen = []
  let place = size - 1
  for (let digits = count; digits > 0; digits--) {
    while (cameBy[digits * size + place] < 0) place--
    chosen.unshift(cameBy[digits * size + place])
    place = first[chosen[0]]
  }
  return chosen
}
