// The button to speak: one press, the digit or the number, and the recorder finds the end itself.

import { announce, h } from "../dom.js"
import { t } from "../texts.js"
import { ONE_WORD } from "./endpoint.js"
import { record } from "./recorder.js"
import { playTone } from "./tone.js"

const PROBLEMS = ["denied", "no_microphone", "no_speech", "not_started", "cancelled"]
const READ_OUT_MS = 3000 // for a screen reader to say the button's new name and what to do, before the microphone hears it

/**
 * The button, and what it shows. onSound(blob) is told; onStart() before the microphone is on. words: of its texts, those
 * that are not those of one digit: {speak, stop, tone, listening, got, no_speech}. A second press ends it: what was said is
 * lost, or with keeps: true kept. Pressed by keyboard or screen reader, it says first what to do, waits, and sounds a tone:
 * else the microphone would take the screen reader's voice for the digit. Returns {button, state, clear(), end()}.
 */
export function speakButton(onSound, { onStart = () => {}, words = {}, limits = ONE_WORD, keeps = false } = {}) {
  let recording = null // what ends it: {cancel, finish}
  const text = (name) => t(words[name] ?? (name === "speak" ? "read.speak" : `read.speak.${name}`))
  const label = h("span", {}, text("speak"))
  const button = h("button", { type: "button", on: { click: press } }, label)
  const bar = h("div", { class: "speak-level-bar" })
  const level = h("div", { class: "speak-level", "aria-hidden": "true", hidden: true }, bar)
  const state = h("p", { class: "speak-state" })

  function press(event) {
    if (!recording) listen(event.detail === 0) // 0: no pointer pressed it
    else if (keeps && recording.hears) recording.finish.abort()
    else recording.cancel.abort()
  }

  function tell(said) {
    if (!button.isConnected) return // the view has ended
    state.textContent = said
    announce(said)
  }

  async function listen(afterTone) {
    const mine = (recording = { cancel: new AbortController(), finish: new AbortController(), hears: false })
    const { signal } = mine.cancel
    onStart()
    label.textContent = text("stop")
    level.hidden = false
    button.classList.add("listening")
    try {
      if (afterTone) {
        tell(text("tone"))
        await pause(READ_OUT_MS, signal)
        await playTone()
      } else state.textContent = text("starting")
      const sound = await record({
        limits,
        onLevel: (share) => (bar.style.inlineSize = `${100 * share}%`),
        onState(name) {
          mine.hears = true
          if (name !== "waiting") return
          if (afterTone) state.textContent = text("listening")
          else tell(text("listening"))
        },
        signal,
        finished: mine.finish.signal,
      })
      tell(text("got"))
      onSound(sound)
    } catch (error) {
      if (!PROBLEMS.includes(error.code)) {
        tell(text("not_started"))
        throw error
      }
      tell(text(error.code))
    } finally {
      recording = null
      label.textContent = text("speak")
      level.hidden = true
      button.classList.remove("listening")
    }
  }

  return {
    button,
    state: h("div", {}, level, state),
    clear: () => (state.textContent = ""),
    end: () => recording?.cancel.abort(),
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
