// Remarks as marks on what was written: a ring where a gap is, a number where to begin, a dashed line for a missing stroke.

import { pathOf, svg } from "./sample.js"

const SIDE = 100 // units for the side of the pad

/** A layer for the pad, or null if there is nothing to mark. It says nothing that the words do not say. */
export function marksOf(remarks) {
  const marks = remarks.flatMap(markOf)
  if (marks.length === 0) return null
  return svg("svg", { viewBox: `0 0 ${SIDE} ${SIDE}`, class: "learn-marks", "aria-hidden": "true" }, ...marks)
}

function markOf({ at, line, number }) {
  if (line) return [svg("path", { d: pathOf([line], SIDE), class: "mark-line" })]
  if (!at) return []
  const [cx, cy] = [at.x * SIDE, at.y * SIDE]
  if (!number) return [svg("circle", { cx, cy, r: 9, class: "mark-ring" })]
  return [
    svg("circle", { cx, cy, r: 5, class: "sample-start" }),
    svg("text", { x: cx, y: cy + 2.6, class: "mark-number" }, `${number}`),
  ]
}
