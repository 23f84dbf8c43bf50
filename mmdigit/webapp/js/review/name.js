// Asks a person's name once, where nobody logs in.

import { fill, h } from "../dom.js"
import { choose, LONGEST_NAME, settings } from "../settings.js"
import { t } from "../texts.js"

/** Fill root with the question. onNamed: the name is kept. */
export function nameScreen(root, onNamed) {
  const field = h("input", {
    id: "review-name", required: true, maxlength: LONGEST_NAME, autocomplete: "name", value: settings.name,
    "aria-describedby": "review-name-why",
  })
  const send = (event) => {
    event.preventDefault()
    const name = field.value.trim()
    if (name === "") return
    choose({ name })
    onNamed()
  }
  fill(root,
    h("h1", {}, t("review.title")),
    h("form", { class: "panel name", on: { submit: send } },
      h("h2", {}, h("label", { for: "review-name" }, t("review.name.ask"))),
      h("p", { id: "review-name-why" }, t("review.name.why")),
      h("p", { class: "row" }, field, h("button", { class: "main" }, t("review.name.keep")))))
  field.focus()
}
