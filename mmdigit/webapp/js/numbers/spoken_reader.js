// Reads a number that is spoken in one recording: cuts it into digits by what the model hears in each piece. The same as
// mmdigit/numbers/spoken_reader.py. Sound alone is never accepted: whoever reads the number back may have it confirmed.

import { SAMPLE_RATE_HZ, peakLevel } from "../decoding/frames.js"
import { clip, largestAt, mean, sum } from "../decoding/primitives/numbers.js"
import { SILENCE_PEAK } from "../decoding/speech.js"
import { softmax } from "../model/decision.js"
import { FRAME } from "./boundaries.js"
import { MAX_DIGITS, countScores, decode, labelsOf } from "./decoding.js"
import { placeDigits } from "./number_words.js"
import { listenToSpans, spokenLattice, timesOf, withoutWords } from "./spoken.js"

const MAX_WORDS = 12 // that may change a number
const PACE_PRIOR = 2 // digits of usual length that a speaker's pace is averaged with

/**
 * A number as HeardNumber.as_json of mmdigit/numbers/heard_number.py has it, without model_version and messages.
 *
 * waveform: Float32Array, 8 kHz, range [-1, 1], 0.05 to 60 s, without its mean. count: how many digits it has, 1 to
 * MAX_DIGITS; null = unknown. listen, listenToAll, onShare: as listenToSpans of spoken.js. calibration:
 * spoken_calibration.json.
 */
export async function readSpoken(waveform, count, { listen, listenToAll, calibration, onShare }) {
  const duration = waveform.length / SAMPLE_RATE_HZ
  if (peakLevel(waveform) < SILENCE_PEAK) return nothing(duration, count, "silence")
  const spans = await listenToSpans(waveform, { listen, listenToAll, onShare })
  const any = hear(spans, calibration, null)
  if (!hasDigits(any, calibration)) return nothing(duration, count, "no_digit")
  const countHeard = any.order.length
  let heard = any
  if (count !== null && count !== countHeard) {
    const expected = hear(spans, calibration, count)
    if (expected.decoded !== null) heard = expected
  }
  const digits = digitsOf(heard, calibration.temperature)
  const { confidence, reasons } = judge(heard, any, { count, calibration })
  return answer({ digits, confidence, countHeard, count, duration, reasons })
}

/**
 * {spans, counts, decoded, order, wordsScore, others}: the likeliest number in the spans, with `count` digits or any; the
 * score of the likeliest with each count of digits said; for each digit of the number, which of those that are said it is;
 * the score of the words that change it; {labels, total} of the likeliest numbers with other words, or with none.
 *
 * Words may change it: then fewer or more digits are said. Each of them counts if the number is as likely with it.
 */
function hear(spans, calibration, count) {
  let best = hearSaid(spans, calibration, count)
  const others = []
  const words = []
  for (const word of spans.words.slice(0, MAX_WORDS)) {
    let other = hearChanged(spans, [...words, word], calibration, count)
    if (other === null) continue
    if (totalOf(other) >= totalOf(best) || (count !== null && best.decoded === null)) {
      ;[best, other] = [other, best]
      words.push(word)
    }
    if (other.decoded !== null) others.push({ labels: numberOf(other), total: totalOf(other) })
  }
  const number = `${numberOf(best)}`
  return { ...best, others: others.filter(({ labels }) => `${labels}` !== number) }
}

/** The likeliest number that all these words change, of `count` digits or any; null if there is none. */
function hearChanged(spans, words, calibration, count) {
  const silent = withoutWords(spans, words)
  let heard = hearSaid(silent, calibration, null)
  let order = orderOf(heard, words)
  if (order !== null && count !== null && order.length !== count) {
    const said = heard.order.length + count - order.length
    if (said < 1 || said > MAX_DIGITS) return null
    heard = hearSaid(silent, calibration, said)
    order = orderOf(heard, words)
  }
  if (order === null || order.length > MAX_DIGITS || (count !== null && order.length !== count)) return null
  return { ...heard, order, wordsScore: sum(words, ({ logOdds }) => logOdds - calibration.scoring.word) }
}

const scoreOf = ({ counts, decoded }) => counts[decoded === null ? 0 : decoded.spans.length]

const totalOf = (heard) => scoreOf(heard) + heard.wordsScore

/** The digits of the number. */
function numberOf({ decoded, order }) {
  const labels = decoded === null ? [] : labelsOf(decoded)
  return order.map((place) => labels[place])
}

function orderOf({ spans, decoded }, words) {
  const timesS = timesOf(spans.boundaries)
  const said = decoded?.spans ?? []
  return placeDigits(words, said.map((span) => (timesS[spans.first[span]] + timesS[spans.last[span]]) / 2))
}

/** The likeliest number, with `count` digits said, or any. The first pass tells the speaker's pace, the second one uses it. */
function hearSaid(spans, { scoring }, count) {
  const first = likeliest(spans, spokenLattice(spans, scoring), count)
  if (first.decoded === null) return first
  const labels = labelsOf(first.decoded)
  const longer = first.decoded.spans.map((span, place) => spans.logLengthS[span] - Math.log(scoring.usual_s[labels[place]]))
  const pace = (median(longer) * longer.length) / (longer.length + PACE_PRIOR)
  return likeliest(spans, spokenLattice(spans, scoring, pace), count)
}

function likeliest(spans, lattice, count) {
  const counts = countScores(lattice, MAX_DIGITS)
  const digits = count ?? largestAt(counts)
  const decoded = digits ? decode(lattice, digits) : null
  return { spans, counts, decoded, order: [...(decoded?.spans ?? []).keys()], wordsScore: 0, others: [] }
}

const hasDigits = ({ spans, decoded }, { least_digit: least }) =>
  decoded !== null && mean(decoded.spans.map((span) => spans.logIsDigit[span])) >= least

/** free: as heard, of any count. */
function judge(heard, free, { count, calibration }) {
  const { counts, decoded, order, others } = heard
  const [size, countHeard] = [decoded.spans.length, free.order.length]
  const leads = (areAsMany) =>
    others.filter(({ labels }) => (labels.length === order.length) === areAsMany).map(({ total }) => totalOf(heard) - total)
  const terms = {
    margin: Math.min(...order.map((place) => lead(decoded.scores[place])), ...leads(true)),
    fit: counts[size] / size,
    countMargin: Math.min(counts[size] - Math.max(...counts.filter((_, other) => other !== size)), ...leads(false)),
  }
  let confidence = chance(calibration.known, terms)
  if (countHeard !== count) confidence = Math.min(confidence, chance(calibration.unknown, terms))
  const uncertain = confidence < calibration.sure
  const behind = free.wordsScore !== 0 ? Infinity : Math.max(-terms.countMargin, totalOf(free) - totalOf(heard))
  const surprising = uncertain || order.length !== count || behind > calibration.count_slack
  const reasons = {
    wrong_count: count !== null && countHeard !== count && surprising,
    low_confidence: uncertain,
    other_speech: outsideS(heard) > calibration.most_left_out_s,
  }
  return { confidence, reasons: ["not_confirmed", ...Object.keys(reasons).filter((reason) => reasons[reason])] }
}

/** The chance that a number is right. fitted: known or unknown of the calibration. */
function chance(fitted, { margin, fit, countMargin }) {
  const countTerm = countMargin >= 0 ? Math.log1p(countMargin) : countMargin
  const logit = fitted.intercept + fitted.margin * Math.log1p(margin) + fitted.fit * fit + fitted.count_margin * countTerm
  return 1 / (1 + Math.exp(-clip(logit, -60, 60)))
}

/** Seconds of loud speech outside of the digits that are said, and of the words that change them. */
function outsideS({ spans: { boundaries: at, first, last }, decoded }) {
  const inside = sum(decoded.spans, (span) => at.speech[last[span]] - at.speech[first[span]])
  return ((at.totalSpeech - inside) * FRAME) / SAMPLE_RATE_HZ
}

function digitsOf({ spans: { boundaries, first, last }, decoded, order }, temperature) {
  const timesS = timesOf(boundaries)
  return order.map((place) => {
    const span = decoded.spans[place]
    const shares = softmax(decoded.scores[place], temperature)
    const [label, second] = ranked(shares)
    return {
      label,
      confidence: shares[label],
      runner_up: second,
      runner_up_confidence: shares[second],
      start_s: timesS[first[span]],
      end_s: timesS[last[span]],
    }
  })
}

/** How far the likeliest digit is before the next one. */
function lead(scores) {
  const [best, second] = ranked(scores)
  return scores[best] - scores[second]
}

/** Digits, the likeliest first; of equals, the larger one. */
const ranked = (shares) => [...shares.keys()].sort((one, other) => shares[other] - shares[one] || other - one)

function median(values) {
  const ordered = [...values].sort((one, other) => one - other)
  const half = ordered.length >> 1
  return ordered.length % 2 ? ordered[half] : (ordered[half - 1] + ordered[half]) / 2
}

const nothing = (duration, count, reason) =>
  answer({ digits: [], confidence: 0, countHeard: 0, count, duration, reasons: [reason] })

const answer = ({ digits, confidence, countHeard, count, duration, reasons }) => ({
  value: digits.map(({ label }) => label).join(""),
  digits,
  confidence,
  count_heard: countHeard,
  expected: count,
  duration_s: duration,
  reasons,
  decision: "review",
  acceptable_if_confirmed: reasons.length === 1 && reasons[0] === "not_confirmed",
})
