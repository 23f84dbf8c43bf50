// The button to speak: one press, the digit, and the recorder finds the end itself.

import { announce, h } from "../dom.js"
import { record } from "../sound/recorder.js"
import { t } from "../texts.js"

const PROBLEMS = ["denied", "no_microphone", "no_speech"]

/** The button and what it shows. onSound(blob) is told. Returns {elements, end()}; a second press stops it. */
export function speakButton(onSound) {
  let recording = null // what ends it
  const label = h("span", {}, t("read.speak"))
  const button = h("button", { type: "button", on: { click: () => (recording ? recording.abort() : listen()) } }, label)
  const bar = h("div", { class: "read-level-bar" })
  const level = h("div", { class: "read-level", "aria-hidden": "true", hidden: true }, bar)
  const state = h("p", { class: "read-state" })

  function tell(text) {
    state.textContent = text
    announce(text)
  }

  async function listen() {
    recording = new AbortController()
    label.textContent = t("read.speak.stop")
    level.hidden = false
    button.classList.add("listening")
    state.textContent = t("read.speak.starting")
    try {
      const sound = await record({
        onLevel: (share) => (bar.style.inlineSize = `${100 * share}%`),
        onState: (name) => name === "waiting" && tell(t("read.speak.listening")),
        signal: recording.signal,
      })
      tell(t("read.speak.got"))
      onSound(sound)
    } catch (error) {
      if (error.code === "cancelled") tell(t("read.speak.cancelled"))
      else if (PROBLEMS.includes(error.code)) tell(t(`read.speak.${error.code}`))
      else throw error
    } finally {
      recording = null
      label.textContent = t("read.speak")
      level.hidden = true
      button.classList.remove("listening")
    }
  }

  return { button, state: h("div", { class: "read-speaking" }, level, state), clear: () => (state.textContent = ""), end: () => recording?.abort() }
}
