// A small line of the last five minutes, with what it shows in words and as a table. Nothing in it moves by itself.

import { h } from "../dom.js"
import { t } from "../texts.js"
import { KEPT_S } from "./history.js"
import { fillInPlace, write } from "./in_place.js"
import { duration } from "./words.js"

const WIDTH = 300
const HEIGHT = 60
const STEP_S = 15

function svg(tag, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag)
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value)
  return element
}

/** An element with `show(history)`. name: of the figure in the history. label: what it is. said(value): in words. */
export function chart(name, label, said) {
  const picture = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", preserveAspectRatio: "none" })
  const top = h("span", {})
  const rows = h("tbody", {})
  const table = h("details", {},
    h("summary", {}, t("watch.table"), h("span", { class: "unseen" }, ` (${label})`)),
    h("table", {},
      h("caption", { class: "unseen" }, label),
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, t("watch.ago")), h("th", { scope: "col", class: "number" }, label))),
      rows))
  const element = h("div", { class: "chart" },
    h("p", { class: "soft", "aria-hidden": "true" }, top),
    picture,
    h("p", { class: "soft ends", "aria-hidden": "true" }, h("span", {}, t("watch.minutes", { count: KEPT_S / 60 })), h("span", {}, t("watch.now"))),
    table)

  let shown = null

  function showRows() {
    if (!table.open || shown === null) return
    const make = () => h("tr", {}, h("th", { scope: "row" }), h("td", { class: "number" }))
    fillInPlace(rows, shown.rows(name, STEP_S), make, (row, { age, value }) => {
      write(row.firstChild, age < 1 ? t("watch.now") : duration(Math.round(age)))
      write(row.lastChild, said(value))
    })
  }
  table.addEventListener("toggle", showRows)

  function show(history) {
    shown = history
    const pieces = history.pieces(name)
    const values = pieces.flat().map((point) => point.value)
    if (values.length === 0) {
      picture.replaceChildren()
      picture.setAttribute("aria-label", `${label}: ${t("watch.none")}`)
      top.textContent = ""
      showRows()
      return
    }
    const most = Math.max(...values)
    const scale = most > 0 ? (HEIGHT - 6) / most : 0
    picture.replaceChildren(
      svg("line", { x1: 0, x2: WIDTH, y1: HEIGHT - 2, y2: HEIGHT - 2, class: "base" }),
      ...pieces.map((piece) => svg("polyline", { points: piece.map((point) => placed(point, scale)).join(" ") })),
    )
    top.textContent = t("watch.most", { value: said(most) })
    picture.setAttribute("aria-label", t("watch.line", {
      label, now: said(values.at(-1)), least: said(Math.min(...values)), most: said(most),
    }))
    showRows()
  }

  return { element, show }
}

const placed = ({ age, value }, scale) =>
  `${(WIDTH * (1 - age / KEPT_S)).toFixed(1)},${(HEIGHT - 3 - value * scale).toFixed(1)}`
