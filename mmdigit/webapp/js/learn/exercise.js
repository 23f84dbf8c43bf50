// The screen where one writes: a digit to write, the pad, and what a teacher would say.

import { announce, fill, h } from "../dom.js"
import { inkPad } from "../ink/pad.js"
import { mayMove } from "../settings.js"
import { language, t } from "../texts.js"
import { nextDigit } from "./choosing.js"
import { feedback } from "./feedback.js"
import { marksOf } from "./marks.js"
import { prepareReading, readingsOf } from "./reading.js"
import { kept, note } from "./records.js"
import { sample } from "./sample.js"
import { beQuiet, speakDigit, speakFeedback } from "./voice.js"
import { praiseText, remarkText } from "./words.js"

/** Fill the screen; show(name) shows another. Returns what ends it. before: what that returned, to go on with. */
export function exercise(screen, show, before = null) {
  const task = h("h2", { tabindex: "-1" })
  const prompt = h("div", { class: "learn-prompt" })
  const answer = h("div", { class: "learn-answer" })
  const pad = inkPad({ label: t("learn.pad"), hint: t("learn.pad.hint"), initial: before?.strokes ?? [], onChange: changed })
  const undo = h("button", { type: "button", on: { click: () => pad.undo() && pad.isEmpty && pad.focus() } }, t("learn.undo"))
  const clear = h("button", { type: "button", on: { click: startOver } }, t("learn.clear"))
  const done = h("button", { type: "button", class: "main learn-large", on: { click: look } }, t("learn.done"))

  let digit = null
  let first = true // try of this digit
  let byKeys = false
  let looking = 0 // counts looks, so that a late answer is not shown
  let stopMoving = () => {}

  const canvas = pad.element.querySelector("canvas")
  canvas.setAttribute("aria-describedby", `${canvas.getAttribute("aria-describedby")} learn-keys`)
  canvas.addEventListener("keydown", (event) => {
    if (event.key === " ") byKeys = true
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
  ask(before)

  /** Ask for the next digit, or go on with the one before. */
  function ask(before = null) {
    digit = before?.digit ?? nextDigit(kept.digits, (each) => kept.records[each].last, digit, Math.random())
    first = before?.first ?? true
    const values = { digit: `${digit}`, word: t(`learn.word.${digit}`) }
    task.textContent = t(`learn.task.${kept.kind}`, values)
    stopMoving()
    if (kept.kind === "see") showSample()
    else fill(prompt, kept.kind === "hear" ? hearing() : null)
    if (before) {
      byKeys = before.byKeys
      return changed()
    }
    speakDigit(digit, { asked: kept.kind === "hear" })
    startOver({ focus: false })
    task.focus()
  }

  /** What plays the digit again, and what shows its word to somebody who cannot hear it. */
  function hearing() {
    const word = h("p", { class: "learn-word", role: "status" })
    return h("div", { class: "row learn-hearing" },
      h("button", { type: "button", class: "learn-large", on: { click: () => speakDigit(digit, { asked: true }) } }, t("learn.again")),
      h("button", { type: "button", on: { click: () => fill(word, t(`learn.word.${digit}`)) } }, t("learn.word")),
      word)
  }

  function showSample() {
    stopMoving()
    const shown = sample(digit, { language: language(), leftHanded: kept.leftHanded })
    const play = h("button", { type: "button", on: { click: () => { stopMoving(); stopMoving = shown.play() } } }, t("learn.show"))
    fill(prompt, shown.element, h("p", { class: "learn-how" }, t(`learn.how.${digit}`)), mayMove() ? play : null)
  }

  function startOver({ focus = true } = {}) {
    looking += 1
    byKeys = false
    unmark()
    pad.clear()
    fill(answer)
    changed()
    if (focus) pad.focus()
  }

  function unmark() {
    pad.element.querySelector(".learn-marks")?.remove()
  }

  function changed() {
    unmark()
    undo.disabled = clear.disabled = pad.isEmpty
  }

  async function look() {
    const look = ++looking
    const strokes = pad.strokes.map((stroke) => [...stroke])
    fill(answer, h("p", { class: "soft" }, t("learn.looking")))
    const { reading, reversed, failed } = strokes.length ? await readingsOf(strokes) : { reading: null, reversed: null, failed: false }
    if (look !== looking || !screen.isConnected) return
    const told = feedback({ strokes, target: digit, reading, reversed, leftHanded: kept.leftHanded, byKeys })
    if (told.praise !== null) {
      note(digit, { right: told.right, first, strokes })
      first = false
    }
    tell(told, failed)
  }

  function tell({ right, praise, remarks }, failed) {
    const good = praiseText(praise, digit)
    const texts = remarks.map((remark) => remarkText(remark, digit))
    const retry = h("button", { type: "button", class: right ? "" : "main", on: { click: () => startOver() } }, t("learn.retry"))
    const next = h("button", { type: "button", class: right ? "main" : "", on: { click: () => ask() } }, t("learn.next"))
    fill(answer, h("section", { class: `panel learn-said${right ? " right" : ""}`, "aria-label": t("learn.said") },
      good ? h("p", { class: "learn-praise" }, right ? h("span", { class: "learn-tick", "aria-hidden": "true" }, "✓") : null, good) : null,
      texts.map((text) => h("p", { class: "learn-remark" }, text)),
      failed ? h("p", { class: "soft" }, t("learn.lines-only")) : null,
      praise === null ? null : h("div", { class: "row" }, right ? [next, retry] : [retry, next])))
    if (praise !== null && kept.kind !== "see" && !prompt.querySelector("svg")) revealSample()
    pad.element.querySelector(".ink-paper").append(marksOf(remarks) ?? "")
    announce([good, ...texts].join(" "))
    speakFeedback({ right, praise, remarks })
    answer.scrollIntoView({ block: "nearest" })
    if (praise === null) pad.focus()
    else (right ? next : retry).focus({ preventScroll: true })
  }

  /** After a try, how it is written; what plays the digit stays. */
  function revealSample() {
    const hearing = prompt.querySelector(".learn-hearing")
    showSample()
    if (hearing) prompt.append(hearing)
  }

  return () => {
    looking += 1
    stopMoving()
    beQuiet()
    pad.end()
    return { digit, first, byKeys, strokes: pad.strokes }
  }
}
