// The view "learn": choose, write digit after digit, and see how it goes.

import { fill, h } from "../dom.js"
import { t } from "../texts.js"
import { choosing } from "./choosing_screen.js"
import { exercise } from "./exercise.js"
import { progress } from "./progress.js"

const SCREENS = { choosing, exercise, progress }

/** Fill root; returns what ends the view. before: what that returned, to go on with. */
export function mount(root, before = null) {
  const place = h("div")
  let end = () => {}
  let shown = ""

  /** Show a screen; a screen fills its place, may call show, and returns what ends it. focus: on its heading. state:
   * what its end returned, to go on with. */
  function show(name, { focus = true, state = null } = {}) {
    end()
    shown = name
    const title = h("h1", { tabindex: "-1", class: name === "exercise" ? "unseen" : "" }, t("learn.title"))
    const screen = h("div", { class: `learn-${name}` })
    fill(place, title, screen)
    end = SCREENS[name](screen, show, state) ?? (() => {})
    const heading = screen.querySelector("h2[tabindex]") ?? title
    if (focus) heading.focus()
  }

  fill(root, place)
  show(before?.shown ?? "choosing", { focus: false, state: before?.state })
  return () => ({ shown, state: end() })
}
