// The first screen of "learn": which digits, what kind of exercise, which hand.

import { announce, fill, h } from "../dom.js"
import { choose, settings } from "../settings.js"
import { t } from "../texts.js"
import { keep, kept } from "./records.js"
import { announceLater } from "../saying.js"

const DIGITS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]
const KINDS = ["see", "hear", "heart"]

/** Fill the screen; show(name) shows another. */
export function choosing(screen, show) {
  const boxes = DIGITS.map((digit) =>
    h("input", { type: "checkbox", value: digit, checked: kept.digits.includes(digit), on: { change: changed } }),
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
    announce(t(checked ? "learn.all.done" : "learn.none.done"))
  }

  function changed() {
    if (!chosen()) announce(t("learn.choose-one"))
  }

  function chosen() {
    const digits = DIGITS.filter((digit) => boxes[digit].checked)
    const none = digits.length === 0
    fill(problem, none ? t("learn.choose-one") : "")
    for (const box of boxes) none ? box.setAttribute("aria-invalid", "true") : box.removeAttribute("aria-invalid")
    if (!none) keep({ digits })
    return !none
  }

  let byKeyboard = false // whether a key, and no pointer, pressed the button to start

  function start(event) {
    event.preventDefault()
    if (chosen()) return show("exercise", { byKeyboard })
    boxes[0].focus()
    announceLater(t("learn.choose-one"))
  }

  fill(screen,
    h("form", { on: { submit: start } },
      radios(t("learn.kind"), "kind", KINDS.map((kind) => [kind, t(`learn.kind.${kind}`)]), kept.kind, (kind) => keep({ kind })),
      digits,
      radios(t("learn.hand"), "hand", [["right", t("learn.hand.right")], ["left", t("learn.hand.left")]],
        kept.leftHanded ? "left" : "right", (hand) => keep({ leftHanded: hand === "left" })),
      h("label", { class: "line learn-aloud" },
        h("input", {
          type: "checkbox", checked: settings.speak, "aria-describedby": "learn-aloud-help",
          on: { change: ({ target }) => choose({ speak: target.checked }) },
        }),
        t("learn.aloud")),
      h("p", { class: "soft", id: "learn-aloud-help" }, t("learn.aloud.help")),
      h("div", { class: "row" },
        h("button", { class: "main learn-large", on: { click: ({ detail }) => (byKeyboard = detail === 0) } }, t("learn.start")),
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
