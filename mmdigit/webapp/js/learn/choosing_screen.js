// The first screen of "learn": which digits, what kind of exercise, which hand.

import { announce, fill, h } from "../dom.js"
import { choose, settings } from "../settings.js"
import { t } from "../texts.js"
import { keep, kept } from "./records.js"

const DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
const KINDS = ["see", "hear", "heart"]

/** Fill the screen; show(name) shows another. */
export function choosing(screen, show) {
  const boxes = DIGITS.map((digit) =>
    h("input", { type: "checkbox", value: digit, checked: kept.digits.includes(digit), on: { change: chosen } }),
  )
  const problem = h("p", { class: "look", id: "learn-problem" })
  const digits = h("fieldset", { "aria-describedby": "learn-problem" },
    h("legend", {}, t("learn.what")),
    h("div", { class: "row" },
      DIGITS.map((digit) => h("label", { class: "learn-chip" }, boxes[digit], h("span", {}, `${digit}`)))),
    h("div", { class: "row" },
      h("button", { type: "button", class: "quiet", on: { click: () => all(true) } }, t("learn.all")),
      h("button", { type: "button", class: "quiet", on: { click: () => all(false) } }, t("learn.none"))),
    problem)

  function all(checked) {
    for (const box of boxes) box.checked = checked
    chosen()
  }

  function chosen() {
    const digits = DIGITS.filter((digit) => boxes[digit].checked)
    fill(problem, digits.length === 0 ? t("learn.choose-one") : "")
    if (digits.length > 0) keep({ digits })
    return digits.length > 0
  }

  function start(event) {
    event.preventDefault()
    if (chosen()) return show("exercise")
    announce(t("learn.choose-one"))
    boxes[0].focus()
  }

  fill(screen,
    h("form", { on: { submit: start } },
      radios(t("learn.kind"), "kind", KINDS.map((kind) => [kind, t(`learn.kind.${kind}`)]), kept.kind, (kind) => keep({ kind })),
      digits,
      radios(t("learn.hand"), "hand", [["right", t("learn.hand.right")], ["left", t("learn.hand.left")]],
        kept.leftHanded ? "left" : "right", (hand) => keep({ leftHanded: hand === "left" })),
      h("label", { class: "line learn-aloud" },
        h("input", { type: "checkbox", checked: settings.speak, on: { change: ({ target }) => choose({ speak: target.checked }) } }),
        t("learn.aloud")),
      h("div", { class: "row" },
        h("button", { class: "main learn-large" }, t("learn.start")),
        h("button", { type: "button", class: "learn-large", on: { click: () => show("progress") } }, t("learn.progress")))),
    h("p", { class: "soft" }, t("learn.rule"), " ", t("learn.private")))
}

function radios(legend, name, values, value, choose) {
  return h("fieldset", {}, h("legend", {}, legend), h("div", { class: "row" }, values.map(([each, text]) =>
    h("label", { class: "learn-choice" },
      h("input", { type: "radio", name, value: each, checked: each === value, on: { change: () => choose(each) } }),
      h("span", {}, text)),
  )))
}
