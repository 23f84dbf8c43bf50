// The screen where one writes: a digit to write, the pad, and what a teacher would say.

import { fill, h } from "../dom.js"
import { inkPad } from "../ink/pad.js"
import { mayMove } from "../settings.js"
import { language, t } from "../texts.js"
import { nextDigit } from "./choosing.js"
import { feedback } from "./feedback.js"
import { going } from "./going.js"
import { marksOf } from "./marks.js"
import { prepareReading, readingsOf } from "./reading.js"
import { kept, note } from "./records.js"
import { sample } from "./sample.js"
import { announceLater, dropAnnouncement } from "../saying.js"
import { beQuiet, speakDigit, speakFeedback } from "./voice.js"
import { praiseText, remarkText } from "./words.js"

const LONG_MS = 1000 // for a look, after which it is said that it goes on

/**
 * Fill the screen, with the exercise that goes on if there is one; show(name) shows another. byKeyboard: whether it was
 * asked for by a key. Returns what ends it.
 */
export function exercise(screen, show, { byKeyboard }) {
  const task = h("h2", { tabindex: "-1" })
  const prompt = h("div", { class: "learn-prompt" })
  const answer = h("div", { class: "learn-answer" })
  const pad = inkPad({ label: t("learn.pad"), hint: t("learn.pad.hint"), initial: going.strokes, onChange: changed })
  const undo = h("button", { type: "button", on: { click: () => pad.undo() && pad.isEmpty && pad.focus() } }, t("learn.undo"))
  const clear = h("button", { type: "button", on: { click: empty } }, t("learn.clear"))
  const done = h("button", { type: "button", class: "main learn-large", on: { click: look } }, t("learn.done"))

  let looking = 0 // counts looks, so that a late answer is not shown
  let stopMoving = () => {}

  const canvas = pad.element.querySelector("canvas")
  canvas.setAttribute("aria-describedby", `${canvas.getAttribute("aria-describedby")} learn-keys`)
  canvas.addEventListener("keydown", (event) => {
    if (event.key === " ") going.byKeys = true
    if (event.key !== "Enter") return
    event.preventDefault()
    look()
  })

  fill(screen,
    task,
    h("div", { class: `learn-desk${kept.leftHanded ? " left-handed" : ""}` },
      prompt,
      h("div", { class: "learn-paper" },
        pad.element,
        h("p", { class: "soft learn-keys", id: "learn-keys" }, t("learn.keys")),
        h("div", { class: "row" }, done, undo, clear))),
    answer,
    h("div", { class: "row" },
      h("button", { type: "button", class: "quiet", on: { click: () => show("choosing") } }, t("learn.finish")),
      h("button", { type: "button", class: "quiet", on: { click: () => show("progress") } }, t("learn.progress"))))
  prepareReading()
  if (going.digit === null) ask(byKeyboard)
  else goOn()

  /** Ask for the next digit. */
  function ask(byKeyboard) {
    going.digit = nextDigit(kept.digits, (each) => kept.records[each].last, going.digit, Math.random())
    going.first = true
    showTask()
    startOver({ focus: false })
    task.focus()
    speakDigit(going.digit, { asked: kept.kind === "hear", late: byKeyboard })
  }

  /** Show what was there before. */
  function goOn() {
    showTask()
    changed()
    if (going.said) showSaid()
  }

  function showTask() {
    const { digit } = going
    task.textContent = t(`learn.task.${kept.kind}`, { digit: `${digit}`, word: t(`learn.word.${digit}`) })
    stopMoving()
    if (kept.kind === "see") showSample()
    else fill(prompt, kept.kind === "hear" ? hearing() : null)
  }

  /** What plays the digit again, and what shows its word to somebody who cannot hear it. */
  function hearing() {
    const word = h("p", { class: "learn-word", role: "status" })
    return h("div", { class: "row learn-hearing" },
      h("button", { type: "button", class: "learn-large", on: { click: () => speakDigit(going.digit, { asked: true }) } }, t("learn.again")),
      h("button", { type: "button", on: { click: () => fill(word, t(`learn.word.${going.digit}`)) } }, t("learn.word")),
      word)
  }

  function showSample() {
    stopMoving()
    const shown = sample(going.digit, { language: language(), leftHanded: kept.leftHanded })
    const play = h("button", { type: "button", on: { click: () => { stopMoving(); stopMoving = shown.play() } } }, t("learn.show"))
    fill(prompt, shown.element, h("p", { class: "learn-how" }, t(`learn.how.${going.digit}`)), mayMove() ? play : null)
  }

  function startOver({ focus = true } = {}) {
    looking += 1
    dropAnnouncement()
    going.byKeys = false
    going.said = null
    pad.clear()
    fill(answer)
    changed()
    if (focus) pad.focus()
  }

  function empty() {
    startOver()
    announceLater(t("learn.cleared"))
  }

  function changed() {
    going.strokes = pad.strokes
    pad.element.querySelector(".learn-marks")?.remove()
    undo.disabled = clear.disabled = pad.isEmpty
  }

  async function look() {
    const look = ++looking
    const written = pad.strokes
    const strokes = written.map((stroke) => [...stroke])
    fill(answer, h("p", { class: "soft" }, t("learn.looking")))
    announceLater(t("learn.looking"), LONG_MS)
    const { reading, reversed, failed } = strokes.length ? await readingsOf(strokes) : { reading: null, reversed: null, failed: false }
    if (look !== looking || !screen.isConnected) return
    const { digit, first, byKeys } = going
    const told = feedback({ strokes, target: digit, reading, reversed, leftHanded: kept.leftHanded, byKeys })
    if (told.praise !== null) {
      note(digit, { right: told.right, first, strokes })
      going.first = false
    }
    going.said = { told, failed, strokes: written }
    tell()
  }

  function tell() {
    const { told } = going.said
    const { texts, retry, next } = showSaid()
    speakFeedback(told)
    answer.scrollIntoView({ block: "nearest" })
    if (told.praise === null) pad.focus()
    else (told.right ? next : retry).focus({ preventScroll: true })
    announceLater(texts.join(" "))
  }

  /** Show what is said of the try. Returns its texts and buttons. */
  function showSaid() {
    const { told: { right, praise, remarks }, failed, strokes } = going.said
    const good = praiseText(praise, going.digit)
    const texts = remarks.map((remark) => remarkText(remark, going.digit))
    const retry = h("button", { type: "button", class: right ? "" : "main", on: { click: () => startOver() } }, t("learn.retry"))
    const next = h("button", { type: "button", class: right ? "main" : "", on: { click: ({ detail }) => ask(detail === 0) } }, t("learn.next"))
    const alone = failed ? t("learn.lines-only") : null
    fill(answer, h("section", { class: `panel learn-said${right ? " right" : ""}`, "aria-label": t("learn.said") },
      good ? h("p", { class: "learn-praise" }, right ? h("span", { class: "learn-tick", "aria-hidden": "true" }, "✓") : null, good) : null,
      texts.map((text) => h("p", { class: "learn-remark" }, text)),
      alone ? h("p", { class: "soft" }, alone) : null,
      praise === null ? null : h("div", { class: "row" }, retry, next)))
    if (praise !== null && kept.kind !== "see" && !prompt.querySelector("svg")) revealSample()
    if (strokes === pad.strokes) pad.element.querySelector(".ink-paper").append(marksOf(remarks) ?? "")
    return { texts: [good, ...texts, alone].filter(Boolean), retry, next }
  }

  /** After a try, how it is written; what plays the digit stays. */
  function revealSample() {
    const hearing = prompt.querySelector(".learn-hearing")
    showSample()
    if (hearing) prompt.append(hearing)
  }

  return () => {
    looking += 1
    dropAnnouncement()
    stopMoving()
    beQuiet()
    pad.end()
  }
}
