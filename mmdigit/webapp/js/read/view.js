// The view "read": write a digit or several, or give pictures of them, say one, and get the answer.

import { photograph } from "../camera.js"
import { announce, fill, h, notice } from "../dom.js"
import { fileButton, takeFiles } from "../files.js"
import { inkPad } from "../ink/pad.js"
import { prepare } from "../model/reader.js"
import { choose, mayMove, settings } from "../settings.js"
import { speakButton } from "../sound/speak_button.js"
import { t } from "../texts.js"
import { toggle } from "../toggle.js"
import { beQuiet, sayAnswers } from "./aloud.js"
import { answerOf } from "./answer.js"
import { cardList } from "./cards.js"
import { digits, forget, given, isEmpty } from "./given.js"
import { asPicture, MAX_PICTURES } from "./pictures.js"
import { read } from "./reading.js"
import { problemText } from "./words.js"

const ASPECT = 1.4 // of the pad: room for several digits
const OWN_ENTER = "button, a, input, summary, select, dialog" // what Enter presses itself

/** Fill root; returns what ends the view. */
export function mount(root) {
  const ended = new AbortController()
  let reading = null // what stops the reading that goes on

  const pad = inkPad({ label: t("read.pad"), hint: t("read.pad.hint"), aspect: ASPECT, initial: given.strokes, onChange: changed })
  const cards = cardList(remove)
  const speak = speakButton((sound) => {
    given.sound = sound
    changed()
  }, { onStart: beQuiet })
  const [upload, field] = fileButton(t("read.upload"), "image/*", (files) => addFiles(files, "upload"), { multiple: true })
  takeFiles(root, addFiles, ended.signal)
  const camera = button(t("read.camera"), takePhotograph)
  const readButton = button(t("read.read"), readAll)
  readButton.className = "main"
  readButton.setAttribute("aria-keyshortcuts", "Enter")
  const answer = h("div", { class: "read-told" })

  fill(root,
    h("h1", {}, t("read.title")),
    h("p", { class: "soft read-about" }, t("read.about")),
    h("div", { class: "read-columns" },
      h("section", { class: "read-give", "aria-label": t("read.give") },
        pad.element,
        h("div", { class: "row" },
          button(t("read.undo"), () => pad.undo() || announce(t("read.pad.nothing"))),
          button(t("read.clear"), () => {
            announce(t(pad.clear() ? "read.cleared" : "read.cleared.empty"))
          })),
        h("div", { class: "row" }, speak.button, camera, upload, field),
        speak.state,
        h("p", { class: "soft read-drop" }, t("read.drop"))),
      h("section", { class: "read-result", "aria-label": t("read.result") },
        cards.element,
        h("div", { class: "row" }, readButton, button(t("read.over.again"), startOver)),
        answer),
      switches()))

  root.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.repeat || event.target.closest(OWN_ENTER)) return
    event.preventDefault()
    readAll()
  })
  window.addEventListener("settings", () => {
    root.querySelector("input.where").checked = settings.where === "page"
  }, { signal: ended.signal })
  cards.show()
  showNothing()

  function button(text, click) {
    return h("button", { type: "button", on: { click } }, text)
  }

  function changed() {
    given.strokes = pad.strokes
    stopReading()
    cards.show()
    showNothing()
  }

  function showNothing() {
    fill(answer, h("p", { class: "soft read-nothing" }, isEmpty() ? t("read.nothing") : t("read.ready")))
  }

  function remove(card) {
    const places = [...cards.element.children]
    const place = places.findIndex((each) => each.contains(document.activeElement))
    if (card.strokes) pad.remove(card.strokes)
    else {
      if (card.sound) given.sound = null
      else given.pictures = given.pictures.filter((entry) => entry !== card.entry)
      changed()
    }
    announce(t("read.card.removed"))
    const next = cards.element.children[Math.min(place, cards.element.children.length - 1)]
    if (next) next.lastElementChild.focus()
    else pad.focus()
  }

  async function addFiles(files, source) {
    for (const file of files) {
      try {
        if (given.pictures.length >= MAX_PICTURES) return tell(t("read.problem.many", { count: MAX_PICTURES }))
        add(await asPicture(file), source)
      } catch (error) {
        showProblem(error)
      }
    }
  }

  function add(blob, source) {
    if (ended.signal.aborted) return
    given.pictures = [...given.pictures, { blob, source }]
    changed()
    announce(t(`read.added.${source}`))
  }

  async function takePhotograph() {
    const photo = await photograph(ended.signal)
    if (photo) add(photo, "camera")
    ;(photo ? readButton : camera).focus()
  }

  function startOver() {
    forget()
    pad.clear()
    speak.clear()
    changed()
    announce(t("read.over.done"))
    pad.focus()
  }

  async function readAll() {
    given.strokes = pad.strokes
    if (isEmpty()) return tell(t("read.nothing"))
    stopReading()
    reading = new AbortController()
    const { signal } = reading
    fill(answer, h("p", { class: "read-busy" }, t("read.busy")))
    answer.setAttribute("aria-busy", "true")
    announce(t("read.busy"))
    try {
      const all = digits()
      const pictures = await Promise.all(all.length > 0 ? all.map(({ picture }) => picture) : [null])
      const sound = all.length > 1 ? null : given.sound
      const onAway = (away) => signal.aborted || showAway(away)
      const readings = await Promise.all(pictures.map((picture) => read({ picture, sound }, { signal, onAway })))
      if (signal.aborted) return
      stopReading()
      showAnswer(readings)
    } catch (error) {
      if (signal.aborted) return
      stopReading() // the other digits of a number too
      showProblem(error)
    }
  }

  function stopReading() {
    beQuiet()
    reading?.abort()
    reading = null
    notice("")
    answer.removeAttribute("aria-busy")
  }

  function showAway(away) {
    notice(away ? t("common.away") : "")
    if (!away) return fill(answer, h("p", { class: "read-busy" }, t("read.busy")))
    if (answer.querySelector(".read-away")) return
    fill(answer, h("div", { class: "read-away panel" },
      h("p", {}, t("read.away")),
      h("div", { class: "row" },
        button(t("read.away.page"), () => {
          setWhere(true)
          readAll()
          readButton.focus()
        }),
        button(t("read.away.stop"), () => {
          stopReading()
          showNothing()
          readButton.focus()
        }))))
  }

  function showAnswer(readings) {
    const { element, text } = answerOf(readings)
    const inPlace = readings.some((each) => each.inPlace) ? t("read.in_place") : ""
    fill(answer, element, inPlace && h("p", { class: "soft read-in-place" }, inPlace))
    announce(`${text} ${inPlace}`.trim())
    element.querySelector(".read-kind").scrollIntoView({ block: "nearest", behavior: mayMove() ? "smooth" : "auto" })
    sayAnswers(readings.map((each) => each.prediction))
  }

  function showProblem(error) {
    const text = problemText(error)
    tell(text ?? t("read.problem.other", { detail: error.message }))
    if (text === null) throw error
  }

  function tell(text) {
    fill(answer, h("p", { class: "read-problem" }, h("span", { class: "look", "aria-hidden": "true" }, "⚠ "), text))
    announce(text)
  }

  function setWhere(page) {
    choose({ where: page ? "page" : "gateway" })
    if (page) prepare().catch(() => {}) // whoever reads hears of it
  }

  function switches() {
    return h("section", { class: "panel read-switches row", "aria-label": t("read.switches") },
      toggle(t("read.aloud"), t("read.aloud.help"), "aloud", settings.speak, (on) => choose({ speak: on })),
      toggle(t("read.page"), t("read.page.help"), "where", settings.where === "page", (on) => {
        const again = reading !== null
        setWhere(on)
        if (again) readAll()
      }))
  }

  return () => {
    ended.abort()
    stopReading()
    speak.end()
    cards.end()
    pad.end()
  }
}
