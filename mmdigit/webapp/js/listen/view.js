// The view "listen": say a number, or show one, and have it read back digit by digit.

import { photograph } from "../camera.js"
import { announce, fill, h } from "../dom.js"
import { RECORDING, waveformOf } from "../decoding/sound.js"
import { fileButton, takeFiles } from "../files.js"
import { hearInPage, prepare, readLineInPage } from "../model/reader.js"
import { MAX_DIGITS } from "../numbers/decoding.js"
import { choose, mayMove, settings } from "../settings.js"
import { NUMBER } from "../sound/endpoint.js"
import { speakButton } from "../sound/speak_button.js"
import { percent, t } from "../texts.js"
import { toggle } from "../toggle.js"
import { hearAgain } from "./again.js"
import { beQuiet } from "./aloud.js"
import { digitsOf } from "./digits.js"
import { forget, going } from "./going.js"
import { photoOf } from "./photo.js"
import { numberResult } from "./result.js"
import { problemText } from "./words.js"

const MOST_WRITTEN = 32
const WORDS = {
  speak: "listen.speak", stop: "listen.speak.stop", tone: "listen.speak.tone", listening: "listen.speak.listening", got: "listen.speak.got",
}

/** Fill root; returns what ends the view. */
export function mount(root) {
  const ended = new AbortController()
  let run = 0 // counts numbers, so that a late answer is not shown
  let byKeyboard = false // the last thing was done by a key

  const speak = speakButton((blob) => hear(blob), {
    onStart() {
      stop()
      prepare().catch(() => {}) // whoever hears a number hears of it
    },
    words: WORDS, limits: NUMBER, keeps: true,
  })
  const recording = fileButton(t("listen.file"), "audio/*", ([file]) => file && hear(file))
  const camera = h("button", { type: "button", on: { click: takePhoto } }, t("listen.camera"))
  const picture = fileButton(t("listen.picture"), "image/*", ([file]) => file && look(file))
  const count = h("input", {
    id: "listen-count", type: "number", inputmode: "numeric", min: "1", max: `${MAX_DIGITS}`, value: going.count ?? "",
    "aria-describedby": "listen-count-help", on: { input: setCount, change: () => (count.value = going.count ?? "") },
  })
  const place = h("div", { class: "listen-told" })
  const result = numberResult({ hearDigit, onNext: next, onProblem: showProblem })

  fill(root,
    h("h1", {}, t("listen.title")),
    h("p", { class: "soft" }, t("listen.about")),
    h("section", { "aria-label": t("listen.give") },
      h("div", { class: "row listen-ways" }, speak.button, camera),
      speak.state,
      h("div", { class: "row" }, recording, picture),
      h("p", { class: "soft" }, t("listen.hint")),
      h("p", { class: "soft" }, t("listen.hint.picture")),
      h("div", { class: "row" }, h("label", { for: "listen-count" }, t("listen.digits")), count),
      h("p", { id: "listen-count-help", class: "soft" }, t("listen.digits.help"))),
    h("section", { "aria-label": t("listen.result") }, place),
    h("section", { class: "panel listen-switches", "aria-label": t("listen.switches") },
      toggle(t("listen.aloud"), t("listen.aloud.help"), "aloud", settings.readBack, (on) => {
        choose({ readBack: on })
        if (!on) beQuiet()
      })))
  takeFiles(root, ([file]) => (file.type.startsWith("image/") ? look(file) : hear(file)), ended.signal)
  for (const type of ["keydown", "pointerdown"]) {
    root.addEventListener(type, () => (byKeyboard = type === "keydown"), { capture: true, signal: ended.signal })
  }
  showNumber()

  function setCount() {
    const wanted = Math.round(Number(count.value))
    going.count = count.value === "" || !(wanted >= 1) ? null : Math.min(wanted, MAX_DIGITS)
  }

  function stop() {
    run++
    beQuiet()
  }

  function showNumber() {
    if (going.source === null) return fill(place, h("p", { class: "soft listen-nothing" }, t("listen.nothing")))
    fill(place, result.element)
    result.show()
  }

  function next() {
    stop()
    forget()
    speak.clear()
    showNumber()
    announce(t("listen.over.done"))
    speak.button.focus()
  }

  /** Hear the number in a Blob. */
  async function hear(blob) {
    await found("sound", async (onShare) => {
      const waveform = await waveformOf(blob, RECORDING)
      return { waveform, answer: await hearInPage(waveform, going.count, onShare) }
    })
  }

  async function takePhoto() {
    stop()
    prepare().catch(() => {}) // whoever looks at a number hears of it
    const photo = await photograph(ended.signal, { of: "line", words: { title: "listen.camera.title", hold: "listen.camera.hold" } })
    if (photo) await look(photo)
    else camera.focus()
  }

  /** Read the number in a picture. */
  async function look(file) {
    await found("picture", async (onShare) => {
      const photo = await photoOf(file)
      const wanted = going.count !== null && going.count <= MOST_WRITTEN ? going.count : null
      return { photo, answer: await readLineInPage({ pixels: photo.pixels }, wanted, onShare) }
    })
  }

  /** Show the number that read(onShare) finds: {answer, waveform, photo}. */
  async function found(source, read) {
    stop()
    const mine = run
    const share = h("span")
    fill(place, h("p", { class: "listen-busy" }, t("listen.busy"), " ", share))
    announce(t("listen.busy"))
    try {
      const { answer, waveform = null, photo = null } = await read((part) => fill(share, percent(part)))
      if (run !== mine) return
      forget()
      Object.assign(going, {
        source, waveform, photo, digits: digitsOf(answer), reasons: answer.reasons, countHeard: answer.count_heard ?? 0,
      })
      showNumber()
      result.tell({ late: byKeyboard })
      result.element.scrollIntoView({ block: "nearest", behavior: mayMove() ? "smooth" : "auto" })
    } catch (error) {
      if (run !== mine) return
      showNumber()
      showProblem(error)
    }
  }

  /** The prediction of one digit in a Blob. */
  async function hearDigit(blob) {
    return hearAgain(await waveformOf(blob))
  }

  function showProblem(error) {
    const text = problemText(error)
    const told = text ?? t("listen.problem.other", { detail: error.message })
    place.querySelector(".listen-problem")?.remove()
    place.prepend(h("p", { class: "listen-problem" }, h("span", { class: "look", "aria-hidden": "true" }, "⚠ "), told))
    announce(told)
    if (text === null) throw error
  }

  return () => {
    ended.abort()
    stop()
    speak.end()
    result.end()
  }
}
