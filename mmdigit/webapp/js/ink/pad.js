// A pad to write on: by mouse, finger or pen, and by keyboard.

import { announce, h } from "../dom.js"
import { t } from "../texts.js"
import { drawStrokes, padPicture } from "./drawing.js"
import { keyboardPen } from "./keyboard.js"
import { pointerPen } from "./pointers.js"

let pads = 0

/**
 * A pad. label: its name for a screen reader. onChange: called after each stroke, undo and clear. aspect: width in
 * heights. hint: what an empty pad shows to those who see it. initial: strokes that are on it from the start.
 *
 * Returns {element, strokes, isEmpty, clear(), undo(), remove(strokes), picture(), focus(), end()}. strokes: arrays of
 * {x, y, t}; x is 0 to aspect (1 unless you say otherwise), y is 0 to 1, from the upper left corner; t is in
 * milliseconds and only grows. undo() takes back the last stroke, clear or remove. All
 * three return whether anything changed.
 * picture() is a promise of a PNG, dark ink on white. end() when the pad is gone.
 */
export function inkPad({ label, onChange = () => {}, aspect = 1, hint = "", initial = [] }) {
  const help = `ink-help-${++pads}`
  const canvas = h("canvas", {
    role: "application",
    tabindex: "0",
    "aria-label": label,
    "aria-roledescription": t("read.pad.role"),
    "aria-describedby": help,
  })
  const placeholder = h("p", { class: "ink-hint", "aria-hidden": "true" }, hint)
  const element = h("div", { class: "ink" },
    h("div", { class: "ink-paper" }, canvas, placeholder),
    h("p", { class: "ink-help soft", id: help }, `${t("read.pad.help")} `, h("span", { class: "ink-more" }, t("read.pad.more"))))
  canvas.style.aspectRatio = `${aspect}`

  let strokes = initial
  let past = initial.map((_, i) => initial.slice(0, i)) // the strokes before each change
  let drawing = false

  function begin(point) {
    past.push(strokes)
    strokes = [...strokes, [point]]
    drawing = true
    show()
  }

  function extend(points) {
    if (!drawing) return
    strokes.at(-1).push(...points)
    show()
  }

  function finish() {
    if (!drawing) return
    drawing = false
    onChange()
  }

  function cancel() {
    if (!drawing) return
    drawing = false
    strokes = past.pop()
    show()
  }

  function replace(changed) {
    pen.lift()
    drawing = false
    if (changed.length === strokes.length) return false
    past.push(strokes)
    strokes = changed
    show()
    onChange()
    return true
  }

  function undo() {
    const lifted = pen.lift({ quiet: true })
    drawing = false
    if (past.length === 0) return false
    strokes = past.pop()
    show()
    onChange()
    const told = t("read.pad.undone", { count: strokes.length })
    announce(lifted ? `${t("read.pad.lifted")} ${told}` : told)
    return true
  }

  function show() {
    const { clientWidth, clientHeight } = canvas
    const density = window.devicePixelRatio
    const [width, height] = [Math.round(clientWidth * density), Math.round(clientHeight * density)]
    if (width === 0 || height === 0) return // not in the page yet
    if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height]
    const context = canvas.getContext("2d")
    context.clearRect(0, 0, width, height)
    const style = getComputedStyle(canvas)
    drawStrokes(context, strokes, { scale: height, colour: style.color })
    pen.show(context, height, style.accentColor)
    placeholder.hidden = strokes.length > 0 || hint === ""
  }

  const pen = keyboardPen(canvas, { aspect, begin, extend, finish, undo, show, strokes: () => strokes.length })
  pointerPen(canvas, { aspect, begin, extend, finish, cancel, before: () => pen.put() })

  const resized = new ResizeObserver(show)
  resized.observe(canvas)
  const themed = new MutationObserver(show)
  themed.observe(document.documentElement, { attributeFilter: ["data-theme", "data-contrast"] })
  const forced = matchMedia("(forced-colors: active)")
  forced.addEventListener("change", show)

  return {
    element,
    get strokes() {
      return strokes
    },
    get isEmpty() {
      return strokes.length === 0
    },
    clear: () => replace([]),
    remove: (some) => replace(strokes.filter((stroke) => !some.includes(stroke))),
    undo,
    picture: () => padPicture(strokes, aspect),
    focus: () => canvas.focus(),
    end() {
      resized.disconnect()
      themed.disconnect()
      forced.removeEventListener("change", show)
      pen.end()
    },
  }
}

