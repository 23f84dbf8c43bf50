// An answer in words: how sure it is, what is the matter with it, what to do.

import { percent, sentences, t } from "../texts.js"

const OVER = 0.999 // from here on: "over 99.9 %"
const FAIRLY = 0.9 // below it, an answer that was not accepted is "not sure"
const NO_ANSWER = ["not_a_digit", "several_digits", "struck_out"] // the label is only what the model would say
const KNOWN = ["conflict", ...NO_ANSWER]
const PROBLEMS = [
  ...["unreadable_picture", "silent", "unreadable", "too_long"], // of decoding here
  ...["invalid_image", "invalid_audio"], // of the gateway's worker
  ...["unsupported", "unreachable", "damaged", "stopped"], // of the model in the page
]

/** A share of 0 to 1 in per cent, never rounded up to all. */
export const shareText = (share) =>
  share > OVER ? t("read.over", { share: percent(OVER, 1) }) : percent(share, share > 0.99 || share < 0.01 ? 1 : 0)

/** The same for a table. */
export const shortShare = (share) => (share > OVER ? t("read.over.short", { share: percent(OVER, 1) }) : percent(share, 1))

/**
 * A prediction in words: {digit, kind, title, advice: [{name, text}], parts: [{name, text}], spoken}. digit: what to
 * show large, "?" if there is none. kind: "sure", "fairly", "unsure", or the reason that says most. spoken: all of it,
 * for a screen reader.
 */
export function inWords(prediction) {
  const { label, confidence, image, audio, decision, reasons } = prediction
  const kind = kindOf(prediction)
  const share = shareText(confidence)
  const digit = digitOf(kind, prediction)
  const title = t(`read.kind.${kind}`, { share, written: image?.label ?? "", spoken: audio?.label ?? "" })
  const told = reasons.filter((reason) => reason !== "low_confidence" || reasons.length === 1)
  const advice = told.map((name) => ({ name, text: reasonText(name, prediction) }))
  const parts = partsOf(prediction)
  const start = kind === "conflict" || digit === "?" ? [] : [digit]
  const each = image && audio ? parts.map((part) => `${part.name}: ${part.text}`) : []
  const spoken = [...start, title, ...advice.map(({ text }) => text), ...each]
  return { digit, kind, title, advice: decision === "accept" ? [] : advice, parts, spoken: sentences(...spoken) }
}

function digitOf(kind, { label, image, audio }) {
  if (NO_ANSWER.includes(kind)) return "?"
  return kind === "conflict" ? t("read.either", { written: image.label, spoken: audio.label }) : `${label}`
}

function kindOf({ confidence, decision, reasons, image, audio }) {
  if (decision === "accept") return "sure"
  const telling = image && audio ? [...NO_ANSWER, "conflict"] : NO_ANSWER
  const worst = telling.find((name) => reasons.includes(name))
  return worst ?? (confidence >= FAIRLY ? "fairly" : "unsure")
}

function reasonText(name, { label, confidence, image, audio }) {
  const values = { label, share: shareText(confidence), written: image?.label ?? "", spoken: audio?.label ?? "" }
  const what = image && audio ? "both" : image ? "picture" : "sound"
  if (name === "low_confidence") return t(`read.low.${what}`, values)
  if (name === "not_a_digit") return t(`read.not_a_digit.${what}`, values)
  return KNOWN.includes(name) ? t(`read.reason.${name}`, values) : t("read.reason.other", { name: name.replaceAll("_", " ") })
}

function partsOf({ image, audio, fused }) {
  const part = (head, name) => head && { name, text: t("read.part", { label: head.label, share: shareText(head.confidence) }) }
  return [part(image, t("read.written")), part(audio, t("read.spoken")), part(fused, t("read.together"))].filter(Boolean)
}

/** What went wrong, in words; null for an error that nobody expects. */
export function problemText(error) {
  if (PROBLEMS.includes(error.code)) return t(`read.problem.${error.code}`)
  if (error.status === 401) return t("read.problem.login")
  if (error.status !== undefined || error.code !== undefined) return t("read.problem.other", { detail: error.message })
  return null
}
