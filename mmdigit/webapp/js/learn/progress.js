// The screen that shows what went well, digit by digit: the page to print.

import { announce, fill, h } from "../dom.js"
import { day, language, t } from "../texts.js"
import { needsPractice } from "./choosing.js"
import { forget, kept } from "./records.js"
import { pathOf, plainDigit, svg } from "./sample.js"

/** Fill the screen; show(name) shows another. Returns what ends it. */
export function progress(screen, show) {
  const asking = h("dialog", { "aria-labelledby": "learn-forget" },
    h("h2", { id: "learn-forget" }, t("learn.forget.sure")),
    h("p", {}, t("learn.forget.what")),
    h("form", { method: "dialog", class: "row" },
      h("button", { class: "main", value: "keep" }, t("learn.forget.keep")),
      h("button", { value: "forget" }, t("learn.forget"))))
  const ask = h("button", { type: "button", on: { click: () => asking.showModal() } }, t("learn.forget"))
  asking.addEventListener("close", () => {
    if (asking.returnValue !== "forget") return ask.focus()
    forget()
    show("progress")
    announce(t("learn.forgotten"))
  })

  const practise = [...kept.records.keys()].filter((digit) => needsPractice(kept.records[digit].last))
  const untouched = kept.records.every(({ tried }) => tried === 0)
  fill(screen,
    h("div", { class: "row learn-buttons" },
      h("button", { type: "button", class: "main", on: { click: () => show("choosing") } }, t("learn.back")),
      h("button", { type: "button", on: { click: () => window.print() } }, t("learn.print")),
      ask),
    h("section", { class: "learn-sheet" },
      h("h2", { tabindex: "-1" }, t("learn.sheet")),
      h("p", { class: "learn-head" },
        h("span", { class: "learn-name" }, t("learn.sheet.name")),
        h("span", {}, t("learn.sheet.date", { date: day(new Date()) }))),
      h("p", {}, untouched ? t("learn.sheet.none") : practise.length ? t("learn.sheet.practise", { digits: practise.join(", ") }) : t("learn.sheet.fine")),
      h("ul", { class: "learn-cards" }, kept.records.map((record, digit) => card(digit, record, practise.includes(digit))))),
    asking)
}

function card(digit, { tried, right, drawing }, practise) {
  const counted = right ? t("learn.sheet.right", { count: right }) : t("learn.sheet.never")
  return h("li", { class: "learn-card" },
    plainDigit(digit, { language: language(), leftHanded: kept.leftHanded }),
    drawing.length ? drawn(drawing, digit) : h("span", { class: "learn-blank" }),
    h("div", {},
      h("h3", {}, t("learn.sheet.digit", { digit: `${digit}` })),
      h("p", {}, tried === 0 ? t("learn.sheet.untried") : `${t("learn.sheet.tried", { count: tried })}, ${counted}`),
      practise ? h("p", { class: "learn-mark" }, t("learn.sheet.mark")) : null))
}

/** A drawing as it was on the pad. */
function drawn(strokes, digit) {
  return svg("svg", { viewBox: "0 0 100 100", class: "learn-drawing", role: "img", "aria-label": t("learn.sheet.drawing", { digit: `${digit}` }) },
    svg("path", { d: pathOf(strokes) }))
}
