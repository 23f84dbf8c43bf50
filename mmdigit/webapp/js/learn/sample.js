// How a digit is written, as a picture: its strokes with numbered starts and arrows; and the movement, stroke by stroke.

import { t } from "../texts.js"
import { WAYS } from "./shapes.js"
import { boxOf, distance, lengthOf } from "./strokes.js"

const SVG = "http://www.w3.org/2000/svg"
const SCALE = 100 // units for the height of a digit
const MARGIN = 20
const BACK = 11 // how far before its start the number of a stroke stands
const ARROW_AT = [14, 22] // where its arrow begins and ends along a stroke
const MS_PER_HEIGHT = 900
const PAUSE_MS = 350 // between strokes
const SHOWN = { en: {}, de: { 7: 1 } } // the way that a country's schools teach, where it is not the first

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  element.append(...children)
  return element
}

/** Strokes as the `d` of a path, times scale. */
export const pathOf = (strokes, scale = SCALE) => strokes
  .map((stroke) => stroke.map(({ x, y }, i) => `${i ? "L" : "M"}${(x * scale).toFixed(1)} ${(y * scale).toFixed(1)}`).join(""))
  .join("")

/** The way to show, its bars drawn to the left for somebody who writes with the left hand. */
export function shownStrokes(digit, { language, leftHanded }) {
  const way = WAYS[digit][SHOWN[language][digit] ?? 0]
  return way.strokes.map((stroke, k) => (leftHanded && way.bars.includes(k) ? stroke.toReversed() : stroke))
}

/** A digit to write, without numbers and arrows: for the printed page. */
export function plainDigit(digit, options) {
  const strokes = shownStrokes(digit, options)
  return svg("svg", { viewBox: viewBoxOf(strokes, 5), class: "sample plain", "aria-hidden": "true" },
    svg("path", { d: pathOf(strokes), class: "sample-line" }))
}

/**
 * A digit to write: {element, play()}. play() shows how the pen goes; it returns a function that ends the movement.
 */
export function sample(digit, options) {
  const strokes = shownStrokes(digit, options)
  const lines = strokes.map((stroke) => svg("path", { d: pathOf([stroke]), class: "sample-line" }))
  const moving = strokes.map((stroke) => svg("path", { d: pathOf([stroke]), class: "sample-pen", pathLength: 1 }))
  const element = svg("svg", {
    viewBox: viewBoxOf(strokes), class: "sample", role: "img", "aria-label": t("learn.sample", { digit: `${digit}` }),
  }, ...guides(strokes), ...lines, ...moving, ...strokes.flatMap(marks))

  function play() {
    let start = 0
    const animations = moving.map((path, k) => {
      const duration = Math.max(300, lengthOf(strokes[k]) * MS_PER_HEIGHT)
      const animation = path.animate(
        [{ strokeDashoffset: 1, opacity: 1 }, { strokeDashoffset: 0, opacity: 1 }],
        { delay: start, duration, fill: "forwards" },
      )
      start += duration + PAUSE_MS
      return animation
    })
    return () => animations.forEach((animation) => animation.cancel())
  }
  return { element, play }
}

function viewBoxOf(strokes, margin = MARGIN) {
  const box = boxOf(strokes)
  const width = Math.max(box.width * SCALE, 60) + 2 * margin
  const left = ((box.left + box.right) / 2) * SCALE - width / 2
  return `${left} ${-margin} ${width} ${SCALE + 2 * margin}`
}

/** The lines that a digit stands between. */
function guides(strokes) {
  const [left, , width] = viewBoxOf(strokes).split(" ").map(Number)
  return [0, SCALE].map((y) => svg("line", { x1: left, x2: left + width, y1: y, y2: y, class: "sample-guide" }))
}

/** A stroke's number, before its start, and an arrow along its beginning. */
function marks(stroke, k) {
  const start = at(stroke, 0)
  const ahead = at(stroke, 0.06)
  const back = direction(start, ahead)
  const [x, y] = [(start.x - (back.x * BACK) / SCALE) * SCALE, (start.y - (back.y * BACK) / SCALE) * SCALE]
  const [tail, tip] = ARROW_AT.map((along) => at(stroke, along / SCALE))
  const to = direction(tail, tip)
  const side = 4 / SCALE
  const corners = [tip, { x: tail.x - to.y * side, y: tail.y + to.x * side }, { x: tail.x + to.y * side, y: tail.y - to.x * side }]
  return [
    svg("path", { d: `${pathOf([corners])}Z`, class: "sample-arrow" }),
    svg("circle", { cx: x, cy: y, r: 8, class: "sample-start" }),
    svg("text", { x, y: y + 3.8, class: "sample-number" }, `${k + 1}`),
  ]
}

/** The point of a stroke after this length. */
function at(stroke, length) {
  let gone = 0
  for (let i = 1; i < stroke.length; i++) {
    const step = distance(stroke[i - 1], stroke[i])
    if (gone + step >= length) {
      const share = (length - gone) / step
      return {
        x: stroke[i - 1].x + share * (stroke[i].x - stroke[i - 1].x),
        y: stroke[i - 1].y + share * (stroke[i].y - stroke[i - 1].y),
      }
    }
    gone += step
  }
  return stroke.at(-1)
}

function direction(a, b) {
  const length = distance(a, b) || 1
  return { x: (b.x - a.x) / length, y: (b.y - a.y) / length }
}
