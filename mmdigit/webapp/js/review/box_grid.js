// Boxes that were all read as one digit, as a list box: arrow keys move, Space marks, a digit says what it is.

import { announce, fill, h } from "../dom.js"
import { t } from "../texts.js"
import { boxName } from "./tasks.js"

/**
 * {element, show(items, digit), say(digit or null), toggle(), lock(), focus(), current}. onMove(item): another box has
 * focus. describedBy: the ids of what says what to do.
 */
export function boxGrid(onMove, describedBy) {
  const element = h("div", {
    class: "boxes", role: "listbox", "aria-multiselectable": "true", "aria-describedby": describedBy,
    on: { keydown: press, click: pick },
  })
  let items = []
  let options = []
  let at = 0
  let digit = 0

  function nameOf(item) {
    const place = boxName(item.field, item.box)
    if (item.said === digit) return t("review.box.right", { place, digit: String(digit) })
    return item.said === null ? t("review.box.wrong", { place, digit: String(digit) }) : t("review.box.other", { place, digit: String(digit), said: String(item.said) })
  }

  function paint(index) {
    const item = items[index]
    const option = options[index]
    option.setAttribute("aria-selected", String(item.said !== digit))
    option.setAttribute("aria-label", nameOf(item))
    option.lastChild.textContent = item.said === digit ? "" : item.said === null ? "✗" : String(item.said)
  }

  function move(to) {
    if (to < 0 || to >= items.length) return
    options[at]?.setAttribute("tabindex", "-1")
    at = to
    options[at].setAttribute("tabindex", "0")
    options[at].focus()
    onMove(items[at])
  }

  function columns() {
    const top = options[0]?.offsetTop
    const wrapped = options.findIndex((option) => option.offsetTop !== top)
    return wrapped < 0 ? options.length : wrapped
  }

  function press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return
    const jump = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns(), ArrowDown: columns(), Home: -at, End: items.length - 1 - at }[event.key]
    if (jump !== undefined) move(at + jump)
    else if (event.key === " ") grid.toggle()
    else if (/^[0-9]$/.test(event.key)) grid.say(Number(event.key))
    else if (event.key === "-") grid.say(null)
    else return
    event.preventDefault()
  }

  function pick(event) {
    const index = options.indexOf(event.target.closest('[role="option"]'))
    if (index < 0) return
    move(index)
    grid.toggle()
  }

  const grid = {
    element,
    get current() {
      return items[at] ?? null
    },
    /** Show these boxes. */
    show(shown, read) {
      const hadFocus = element.contains(document.activeElement)
      items = shown
      digit = read
      at = 0
      options = items.map((item, i) =>
        h("div", { role: "option", tabindex: i === 0 ? "0" : "-1" }, item.image, h("span", { class: "said", "aria-hidden": "true" })))
      element.setAttribute("aria-label", t("review.boxes.all", { digit: String(digit), count: items.length }))
      fill(element, options)
      items.forEach((_, i) => paint(i))
      if (hadFocus) options[0]?.focus()
      if (items.length > 0) onMove(items[0])
    },
    /** What the box with focus holds: a digit, or null if it is none that a person can read. */
    say(said) {
      if (items.length === 0) return
      items[at].said = said
      paint(at)
      announce(nameOf(items[at]))
      onMove(items[at])
    },
    /** Mark the box with focus as wrong, or take the mark back. */
    toggle() {
      if (items.length > 0) grid.say(items[at].said === digit ? null : digit)
    },
    /** They are kept: nothing more is said of them. */
    lock() {
      items = []
    },
    focus: () => options[at]?.focus(),
  }
  return grid
}
