// The button to speak: one press, the digit, and the recorder finds the end itself.

import { announce, h } from "../dom.js"
import { record } from "../sound/recorder.js"
import { t } from "../texts.js"
import { beQuiet } from "./aloud.js"
import { playTone } from "./tone.js"

const PROBLEMS = ["denied", "no_microphone", "no_speech", "not_started"]
const READ_OUT_MS = 3000 // for a screen reader to say the button's new name and what to do, before the microphone hears it

/**
 * The button, and what it shows. onSound(blob) is told. A second press stops it. Pressed by keyboard or screen reader, it
 * says first what to do, waits, and sounds a tone: else the microphone would take the screen reader's voice for the digit.
 * Returns {button, state, clear(), end()}.
 */
export function speakButton(onSound) {
  let recording = null // what ends it
  const label = h("span", {}, t("read.speak"))
  const press = (event) => (recording ? recording.abort() : listen(event.detail === 0)) // 0: no pointer pressed it
  const button = h("button", { type: "button", on: { click: press } }, label)
  const bar = h("div", { class: "read-level-bar" })
  const level = h("div", { class: "read-level", "aria-hidden": "true", hidden: true }, bar)
  const state = h("p", { class: "read-state" })

  function tell(text) {
    if (!button.isConnected) return // the view has ended
    state.textContent = text
    announce(text)
  }

  async function listen(afterTone) {
    recording = new AbortController()
    const { signal } = recording
    beQuiet()
    label.textContent = t("read.speak.stop")
    level.hidden = false
    button.classList.add("listening")
    try {
      if (afterTone) {
        tell(t("read.speak.tone"))
        await pause(READ_OUT_MS, signal)
        await playTone()
      } else state.textContent = t("read.speak.starting")
      const sound = await record({
        onLevel: (share) => (bar.style.inlineSize = `${100 * share}%`),
        onState(name) {
          if (name !== "waiting") return
          if (afterTone) state.textContent = t("read.speak.listening")
          else tell(t("read.speak.listening"))
        },
        signal,
      })
      tell(t("read.speak.got"))
      onSound(sound)
    } catch (error) {
      if (error.code === "cancelled") tell(t("read.speak.cancelled"))
      else if (PROBLEMS.includes(error.code)) tell(t(`read.speak.${error.code}`))
      else {
        tell(t("read.speak.not_started"))
        throw error
      }
    } finally {
      recording = null
      label.textContent = t("read.speak")
      level.hidden = true
      button.classList.remove("listening")
    }
  }

  return {
    button,
    state: h("div", { class: "read-speaking" }, level, state),
    clear: () => (state.textContent = ""),
    end: () => recording?.abort(),
  }
}

function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener("abort", () => {
      clearTimeout(timer)
      reject(Object.assign(new Error("expected to wait, got a request to end it"), { code: "cancelled" }))
    }, { once: true })
  })
}
