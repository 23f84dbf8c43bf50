// Writes on a pad by keyboard: a pen that the arrow keys move, and that Space puts down and lifts.

import { announce } from "../dom.js"
import { t } from "../texts.js"

const STEP = 0.04 // in heights of the pad
const SMALL_STEP = 0.01 // with Shift
const EDGE = 0.04
const QUIET_MS = 700 // without a move, before the pen's place is told

const MOVES = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  // Where a number pad has them, without Num Lock:
  Home: [-1, -1],
  PageUp: [1, -1],
  End: [-1, 1],
  PageDown: [1, 1],
}

/**
 * The pen of a focusable canvas. begin(point), extend(points), finish() and undo() are told, show() is called when the
 * pen has changed; strokes() counts them. Two arrow keys held together move it aslant.
 *
 * Returns {lift({quiet}), put(), show(context, scale, colour), end()}. lift() returns whether the pen was down, and says so
 * unless quiet; put() lifts the pen and hides it, for other pointers.
 */
export function keyboardPen(canvas, { aspect, begin, extend, finish, undo, show, strokes }) {
  const at = { x: aspect / 2, y: 0.5 }
  const held = new Set()
  let down = false
  let visible = false
  let timer = 0

  const point = () => ({ ...at, t: performance.now() })

  function move(event) {
    held.add(event.key)
    const step = event.shiftKey ? SMALL_STEP : STEP
    const moves = [...held].map((key) => MOVES[key])
    const along = (axis) => Math.sign(moves.reduce((sum, each) => sum + each[axis], 0)) * step
    at.x = Math.min(Math.max(at.x + along(0), EDGE), aspect - EDGE)
    at.y = Math.min(Math.max(at.y + along(1), EDGE), 1 - EDGE)
    if (down) extend([point()])
    clearTimeout(timer)
    timer = setTimeout(() => announce(placeText()), QUIET_MS)
  }

  function placeText() {
    const values = { across: Math.round((100 * at.x) / aspect), down: Math.round(100 * at.y) }
    const edges = [
      [at.x <= EDGE, "left"], [at.x >= aspect - EDGE, "right"], [at.y <= EDGE, "top"], [at.y >= 1 - EDGE, "bottom"],
    ].filter(([isThere]) => isThere).map(([, edge]) => t(`read.pad.edge.${edge}`))
    return [t(down ? "read.pad.at.down" : "read.pad.at.up", values), ...edges].join(", ")
  }

  function lower() {
    clearTimeout(timer)
    down = true
    begin(point())
    announce(t("read.pad.down"))
  }

  function lift({ quiet = false } = {}) {
    clearTimeout(timer) // what is said next is news: the pen's place would replace it
    if (!down) return false
    down = false
    finish()
    if (!quiet) announce(t("read.pad.up", { count: strokes() }))
    show()
    return true
  }

  function put() {
    lift()
    visible = false
    show()
  }

  canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return
    if (event.key === "Enter") return void lift() // whoever listens for it reads what is written
    if (event.key in MOVES) move(event)
    else if (event.key === " " && !event.repeat) down ? lift() : lower()
    else if (event.key === "Backspace") undo() || announce(t("read.pad.nothing"))
    else if (event.key !== " ") return
    event.preventDefault()
    visible = true
    show()
  })
  canvas.addEventListener("keyup", (event) => held.delete(event.key))
  canvas.addEventListener("focus", () => {
    visible = canvas.matches(":focus-visible")
    show()
  })
  canvas.addEventListener("blur", () => {
    held.clear()
    put()
  })

  return {
    lift,
    put,
    show(context, scale, colour) {
      if (!visible) return
      const [x, y] = [at.x * scale, at.y * scale]
      context.strokeStyle = context.fillStyle = colour
      context.lineWidth = Math.max(2, scale / 120)
      context.beginPath()
      context.arc(x, y, scale * 0.035, 0, 2 * Math.PI)
      context.stroke()
      context.beginPath()
      if (down) context.arc(x, y, scale * 0.018, 0, 2 * Math.PI)
      else context.arc(x, y, scale * 0.006, 0, 2 * Math.PI)
      context.fill()
    },
    end: () => clearTimeout(timer),
  }
}
