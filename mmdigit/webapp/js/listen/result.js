// The number that was heard or seen: read back, reviewed digit by digit, corrected, confirmed.

import { announce, fill, h } from "../dom.js"
import { MAX_DIGITS } from "../numbers/decoding.js"
import { announceLater } from "../saying.js"
import { playBlob } from "../sound/clips.js"
import { wavOf } from "../sound/wav.js"
import { sentences, t } from "../texts.js"
import { beQuiet, readBack, sayClips } from "./aloud.js"
import { digitBoxes } from "./boxes.js"
import { copy } from "./copying.js"
import { saidAgain, typed } from "./digits.js"
import { going, value } from "./going.js"
import { digitPanel } from "./panel.js"
import { doubtsOf, reasonsOf, spaced, titleOf } from "./words.js"

const RATE_HZ = 8000
const AROUND_S = 0.08 // heard before and after a digit

/**
 * {element, show(), tell({late}), end()}. hearDigit(blob): resolves with the prediction of a digit that is said again.
 * onNext(): the person wants another number. onProblem(error): something could not be heard.
 */
export function numberResult({ hearDigit, onNext, onProblem }) {
  const title = h("h2", { tabindex: "-1" })
  const why = h("div", { class: "listen-why" })
  const boxes = digitBoxes({ onMove, onType: type, onRemove: remove, onHear: hearPart })
  const panel = digitPanel({ hear: hearPart, take: type, say: sayAgain, insert, remove })
  const button = (text, click, main = "") => h("button", { type: "button", class: main, on: { click } }, text)
  const yes = button(t("listen.yes"), confirm, "main listen-yes")
  const asking = h("div", {},
    h("p", { class: "listen-question" }, t("listen.question")),
    h("div", { class: "row" },
      yes,
      button(t("listen.hear.again"), () => speakNumber({ asked: true })),
      button(t("listen.over"), onNext)),
    panel.element)
  const field = h("input", { class: "listen-number", readonly: true, "aria-label": t("listen.number") })
  const done = h("div", {}, field, h("div", { class: "row" },
    button(t("listen.copy"), copyNumber, "main"),
    button(t("listen.hear.again"), () => speakNumber({ asked: true })),
    button(t("listen.change"), change),
    button(t("listen.over"), onNext)))
  const element = h("div", { class: "listen-result" }, title, why, boxes.element, asking, done)

  function show() {
    const { digits, confirmed } = going
    const some = digits.length > 0
    going.at = Math.min(going.at, Math.max(0, digits.length - 1))
    fill(title, h("span", {}, titleOf(going)), some ? h("span", { class: "unseen" }, `: ${spaced(digits)}`) : null)
    fill(why, whyTexts().map((text) => h("p", {}, h("span", { class: "look", "aria-hidden": "true" }, "⚠ "), text)))
    boxes.element.hidden = asking.hidden = !some || confirmed
    done.hidden = !some || !confirmed
    if (some && !confirmed) {
      boxes.show(digits, going.at)
      panel.show(going, going.at)
    }
    field.value = value()
    field.style.inlineSize = `${Math.min(64, digits.length + 2)}ch`
  }

  function whyTexts() {
    if (going.confirmed) return going.copied ? [] : [t("listen.not_copied")]
    if (going.digits.length === 0) return [t(`listen.none.${going.source}.advice`)]
    return [...reasonsOf(going), ...doubtsOf(going.digits)]
  }

  /** Tell everyone what was found. late: a screen reader may be speaking. */
  function tell({ late }) {
    going.at = Math.max(0, going.digits.findIndex(({ doubtful }) => doubtful))
    show()
    title.focus()
    announceLater(sentences(...whyTexts(), going.digits.length > 0 && t("listen.question")))
    if (going.digits.length > 0) speakNumber({ late })
    else sayClips([going.source === "sound" ? "not_heard" : "no_number"], { late })
  }

  function speakNumber(options) {
    const before = going.confirmed ? "confirmed" : going.source === "sound" ? "i_heard" : "i_read"
    return readBack(going.digits, {
      before: [before], after: going.confirmed ? [] : ["is_that_right"], onDigit: boxes.mark, ...options,
    })
  }

  function onMove(at) {
    going.at = at
    panel.show(going, at)
  }

  /** Show changed digits, with the focus on the box at a place. */
  function changed(digits, at, said) {
    beQuiet()
    going.digits = digits
    going.at = at
    show()
    if (digits.length > 0) boxes.focus(going.at)
    else title.focus()
    announceLater(said)
  }

  function put(at, digit) {
    return going.digits.map((each, place) => (place === at ? digit : each))
  }

  function type(at, label) {
    changed(put(at, typed(label, going.digits[at])), Math.min(at + 1, going.digits.length - 1), t("listen.typed", { n: at + 1, label }))
  }

  function insert(at) {
    if (going.digits.length >= MAX_DIGITS) return announce(t("listen.full", { count: MAX_DIGITS }))
    changed(going.digits.toSpliced(at, 0, typed("")), at, t("listen.inserted"))
  }

  function remove(at) {
    changed(going.digits.toSpliced(at, 1), Math.max(0, Math.min(at, going.digits.length - 2)), t("listen.removed", { count: going.digits.length - 1 }))
  }

  async function sayAgain(at, blob) {
    try {
      const prediction = await hearDigit(blob)
      if (!element.isConnected || !going.digits[at]) return
      const digit = saidAgain(prediction, going.digits[at])
      changed(put(at, digit), at, sentences(t("listen.typed", { n: at + 1, label: digit.label }), doubtsOf([digit]).length > 0 && t("listen.doubt.other", digit)))
      readBack([digit])
    } catch (error) {
      onProblem(error)
    }
  }

  /** Play what was said of a digit. */
  function hearPart(at) {
    const { startS, endS, label } = going.digits[at] ?? {}
    beQuiet()
    if (startS === null || !going.waveform) return label && readBack([{ label, doubtful: false }], { asked: true })
    const [from, to] = [Math.max(0, startS - AROUND_S), endS + AROUND_S].map((second) => Math.round(second * RATE_HZ))
    return playBlob(wavOf(going.waveform.slice(from, to), RATE_HZ))
  }

  async function confirm({ detail }) {
    const blank = going.digits.findIndex(({ label }) => label === "")
    if (blank >= 0) {
      boxes.focus(blank)
      return announceLater(t("listen.doubt.place", { n: blank + 1, doubt: t("listen.doubt.blank") }))
    }
    going.confirmed = true
    show()
    going.copied = await copy(value(), field)
    show()
    title.focus()
    announceLater(going.copied ? t("listen.copied") : t("listen.not_copied"))
    speakNumber({ late: detail === 0 })
  }

  async function copyNumber() {
    going.copied = await copy(value(), field)
    show()
    announce(going.copied ? t("listen.copied") : t("listen.not_copied"))
  }

  function change() {
    beQuiet()
    Object.assign(going, { confirmed: false, copied: false })
    show()
    boxes.focus(going.at)
  }

  return {
    element,
    show,
    tell,
    end() {
      beQuiet()
      panel.end()
    },
  }
}
