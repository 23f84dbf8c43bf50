// The digits of a number as boxes to type in: one stop of the Tab key; arrow keys move between them.

import { fill, h } from "../dom.js"
import { sentences, t } from "../texts.js"
import { doubtOf, placeOf } from "./words.js"

/**
 * {element, show(digits, at), focus(at), mark(at)}. onMove(at): another box has focus. onType(at, label): what a box holds
 * now. onRemove(at), onHear(at): keys that take a digit away, and let it be heard.
 */
export function digitBoxes({ onMove, onType, onRemove, onHear }) {
  const help = h("p", { id: "listen-boxes-help", class: "soft listen-keys" }, t("listen.boxes.help"))
  const row = h("div", { class: "listen-boxes", role: "group", "aria-label": t("listen.boxes"), "aria-describedby": help.id })
  let boxes = []

  function box(digit, at, digits) {
    const doubt = doubtOf(digit)
    return h("input", {
      class: `listen-box${doubt ? " doubtful" : ""}`, inputmode: "numeric", autocomplete: "off", value: digit.label, size: "1",
      "aria-label": sentences(placeOf(at, digits), doubt),
      on: { focus: () => move(at), keydown: (event) => press(event, at), input: () => take(at) },
    })
  }

  function move(at) {
    boxes.forEach((each, place) => each.setAttribute("tabindex", place === at ? "0" : "-1"))
    boxes[at].select() // what one types replaces it
    onMove(at)
  }

  function press(event, at) {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const jump = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: boxes.length - 1 }[event.key]
    if (jump !== undefined) boxes[jump]?.focus()
    else if (/^[0-9]$/.test(event.key)) onType(at, event.key)
    else if (event.key === "Backspace" || event.key === "Delete") onRemove(at)
    else if (event.key === " ") onHear(at)
    else if (event.key.length > 1) return // Tab, Enter, keys of the browser
    event.preventDefault()
  }

  /** What a keyboard on the screen has put in, beside what was there. */
  function take(at) {
    const before = boxes[at].getAttribute("value")
    const label = boxes[at].value.replace(before, "").replace(/\D/g, "").at(-1)
    boxes[at].value = before
    if (label !== undefined) onType(at, label)
  }

  return {
    element: h("div", {}, row, help),
    show(digits, at) {
      boxes = digits.map(box)
      boxes.forEach((each, place) => each.setAttribute("tabindex", place === at ? "0" : "-1"))
      fill(row, boxes)
    },
    focus: (at) => boxes[at]?.focus(),
    /** Show which digit is said now; null = none. */
    mark: (at) => boxes.forEach((each, place) => each.classList.toggle("said", place === at)),
  }
}
