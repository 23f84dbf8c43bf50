// Reads a line of handwritten digits without boxes: its ink is cut into pieces, and the likeliest digits are found. The
// same as mmdigit/numbers/written.py, evidence.py and judging.py.

import { clip, extremes, largestAt, sum } from "../decoding/primitives/numbers.js"
import { sigmoid, softmax } from "../model/decision.js"
import { N_DIGITS, countScores, decode } from "./decoding.js"
import { LINE_HEIGHT, findLine } from "./line_ink.js"
import { findLineSpans, layOutSpan, singleDigitOdds } from "./line_spans.js"
import { cutPieces } from "./pieces.js"

export const MOST_DIGITS = 32
const BATCH = 64 // spans in one run of the model
const LEAST_CHANCE = 1e-9
const ODDS_RANGE = [-12, 6]
const ODDS_WEIGHT = 1
const LEFT_OUT = 60
const LEAST_COUNT_CHANCE = 0.02
const MOST_LEFT_OUT = 0.02

/**
 * A number as mmdigit/commands/read_line.py's as_json has it, with corners in place of boxes and without model_version.
 *
 * grey: {width, height, data}, range [0, 1]. count: how many digits it has, 1 to MOST_DIGITS; null = unknown. look: takes
 * images, Float32Array(784)s, resolves with {probabilities, noveltyLogits} of each. isCrossedOut(image), mostNovelty: of the
 * model. fitted: written.json; bar: the confidence from which a number is accepted, 1 = never.
 */
export async function readWritten(grey, count, { look, isCrossedOut, mostNovelty, fitted, bar, onShare = () => {} }) {
  const evidence = await weigh(grey, { look, fitted, onShare })
  if (evidence === null) return nothing()
  const counts = countChances(evidence.lattice)
  const likeliest = largestAt(counts)
  let decoded = count === null ? null : decode(evidence.lattice, count)
  const differs = count !== null && decoded === null
  if (decoded === null && likeliest) decoded = decode(evidence.lattice, likeliest)
  if (decoded === null) return nothing()
  const chances = decoded.scores.map((scores) => softmax(scores, 1))
  const countChance = counts[decoded.spans.length]
  const confidence = chances.reduce((product, row) => product * Math.max(...row), 1) * (count === null ? countChance : 1)
  const chosen = decoded.spans.map((span) => evidence.weighed[span])
  const reasons = reasonsOf({
    unsure: confidence < bar || bar >= 1,
    differs: differs || (count !== null && countChance < LEAST_COUNT_CHANCE),
    given: count !== null,
    touching: chosen.some(({ first, last }) => Math.max(evidence.cut.cutInk[first], evidence.cut.cutInk[last]) > 0),
    left_out: leftOut(evidence.cut, chosen) > MOST_LEFT_OUT,
    several: evidence.line.severalLines,
    novel: chosen.some(({ noveltyLogit }) => sigmoid(noveltyLogit) > mostNovelty),
    struck: chosen.some(({ image }) => isCrossedOut(image)),
  })
  const digits = chosen.map((span, at) => digitOf(span, chances[at], evidence))
  return {
    number: digits.map(({ label }) => label).join(""),
    confidence,
    other: otherNumber(evidence.lattice, chances, count === null ? counts : null),
    decision: reasons.length ? "review" : "accept",
    reasons,
    digits,
  }
}

const nothing = () => ({ number: "", confidence: 0, other: "", decision: "review", reasons: ["no_digits"], digits: [] })

/** {line, cut, weighed, lattice}: a line's spans, what the model makes of each, and their lattice; null if there is none. */
async function weigh(grey, { look, fitted, onShare }) {
  const line = findLine(grey)
  if (line === null) return null
  onShare(0)
  const cut = cutPieces(line.ink, line.inked, LINE_HEIGHT)
  const spans = findLineSpans(cut, LINE_HEIGHT)
  if (spans.length === 0) return null
  const weighed = []
  for (let start = 0; start < spans.length; start += BATCH) {
    const part = spans.slice(start, start + BATCH)
    const images = part.map((span) => layOutSpan(line.ink, cut.partOf, span))
    const { probabilities, noveltyLogits } = await look(images)
    part.forEach((span, row) => weighed.push({
      ...span, image: images[row], noveltyLogit: noveltyLogits[row],
      logChances: probabilities[row].map((chance) => Math.log(clip(chance, LEAST_CHANCE, 1))),
    }))
    onShare(weighed.length / spans.length)
  }
  return { line, cut, weighed, lattice: latticeOf(weighed, cut.pieces, fitted) }
}

function latticeOf(weighed, pieces, fitted) {
  const leftOut = new Float64Array(pieces.length + 1)
  let area = 0
  pieces.forEach((piece, at) => {
    area += piece.area
    leftOut[at + 1] = (LEFT_OUT * area) / LINE_HEIGHT ** 2
  })
  const scores = new Float64Array(N_DIGITS * weighed.length)
  weighed.forEach(({ logChances, noveltyLogit, shape }, span) => {
    const odds = ODDS_WEIGHT * clip(singleDigitOdds(logChances, noveltyLogit, shape, fitted), ...ODDS_RANGE)
    scores.set(logChances.map((chance) => chance + odds), N_DIGITS * span)
  })
  const places = (name) => Int32Array.from(weighed, (span) => span[name])
  return { leftOut, allLeftOut: leftOut.at(-1), first: places("first"), last: places("last"), scores }
}

/** How likely each number of digits is. The first is 1 if there is no digit at all. */
function countChances(lattice) {
  const totals = countScores(lattice, MOST_DIGITS)
  totals[0] = totals.subarray(1).some(Number.isFinite) ? -Infinity : 0
  return softmax(totals.map((total) => (Number.isFinite(total) ? total : -1e9)), 1)
}

/** Why a person has to look, in the order of judging.py. */
function reasonsOf({ unsure, differs, given, touching, left_out: leftOutInk, several, novel, struck }) {
  const found = {
    count_differs: differs, count_unclear: !differs && !given, low_confidence: unsure, touching, ink_left_out: leftOutInk,
    several_lines: several, not_a_digit: novel, struck_out: struck,
  }
  return Object.keys(found).filter((reason) => found[reason])
}

/** The ink that belongs to no digit, as a share of the square of a digit's height. */
function leftOut({ pieces }, chosen) {
  const all = sum(pieces, (piece) => piece.area)
  return (all - sum(chosen, ({ first, last }) => sum(pieces.slice(first, last), (piece) => piece.area))) / LINE_HEIGHT ** 2
}

function digitOf({ first, last, box: { left, top, right, bottom } }, chances, { line, cut }) {
  const [label, second] = ranked(chances)
  const place = ([x, y]) => line.toPhoto.map(([a, b, c]) => a * x + b * y + c)
  return {
    label,
    confidence: chances[label],
    runner_up: second,
    runner_up_confidence: chances[second],
    corners: [[left, top], [right, top], [right, bottom], [left, bottom]].map(place),
    cut_sides: [["left", first], ["right", last]].filter(([, at]) => cut.cutInk[at] > 0).map(([side]) => side),
  }
}

/** The likeliest other number: of another count, or with another digit at the least certain place. */
function otherNumber(lattice, chances, counts) {
  const best = chances.map(largestAt)
  const surest = chances.map((row) => Math.max(...row))
  const place = surest.indexOf(extremes(surest)[0])
  if (counts !== null) {
    const [, second] = ranked(counts)
    const shorter = second && counts[second] > 1 - surest[place] ? decode(lattice, second) : null
    if (shorter !== null) return shorter.scores.map(largestAt).join("")
  }
  best[place] = ranked(chances[place])[1]
  return best.join("")
}

/** Places, that of the largest value first; of equals, the first. */
const ranked = (values) => [...values.keys()].sort((one, other) => values[other] - values[one] || one - other)
