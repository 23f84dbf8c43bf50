// The view "learn": choose, write digit after digit, and see how it goes.

import { fill, h } from "../dom.js"
import { t } from "../texts.js"
import { choosing } from "./choosing_screen.js"
import { exercise } from "./exercise.js"
import { endExercise, going } from "./going.js"
import { progress } from "./progress.js"

const SCREENS = { choosing, exercise, progress }

/** Fill root; returns what ends the view. */
export function mount(root) {
  const place = h("div")
  let end = () => {}

  /**
   * Show a screen; a screen fills its place, may call show, and returns what ends it. focus: on its heading. byKeyboard:
   * whether it was asked for by a key.
   */
  function show(name, { focus = true, byKeyboard = false } = {}) {
    end()
    going.screen = name
    if (name !== "exercise") endExercise()
    const title = h("h1", { tabindex: "-1", class: name === "exercise" ? "unseen" : "" }, t("learn.title"))
    const screen = h("div", { class: `learn-${name}` })
    fill(place, title, screen)
    end = SCREENS[name](screen, show, { byKeyboard }) ?? (() => {})
    const heading = screen.querySelector("h2[tabindex]") ?? title
    if (focus) heading.focus()
  }

  fill(root, place)
  show(going.screen, { focus: false })
  return () => end()
}
