// Keeps what somebody holds for as long as they are there, and says so before it goes back because nobody seems to be.

import { announce, fill, h } from "../dom.js"
import { language, t } from "../texts.js"

const SIGNS = ["keydown", "focusin", "input", "pointerdown", "pointermove", "wheel"] // also of a voice or a screen reader

/** {element, warn(ms), end()}. onSign: somebody is there. goBack: focus goes back to the work. */
export function presence({ onSign, goBack }) {
  const listening = new AbortController()
  const text = h("p", {})
  const element = h("div", { class: "panel ending", hidden: true }, text,
    h("button", { type: "button", class: "main", on: { click: keep } }, t("review.ending.keep")))

  function keep() {
    element.hidden = true
    goBack()
    announce(t("review.ending.kept"))
  }

  function note(event) {
    onSign()
    if (!element.contains(event.target)) element.hidden = true // the button stays until it is pressed
  }

  for (const sign of SIGNS) document.addEventListener(sign, note, { passive: true, signal: listening.signal })
  return {
    element,
    /** In so many milliseconds the work goes back. */
    warn(ms) {
      const clock = new Intl.DateTimeFormat(language(), { timeStyle: "short" })
      const said = t("review.ending", { time: clock.format(new Date(Date.now() + ms)) })
      fill(text, said)
      element.hidden = false
      announce(said)
    },
    end: () => listening.abort(),
  }
}
