// A field's audit trail, in a dialog: what was read, and what people have said since.

import { ApiError } from "../api.js"
import { fill, h } from "../dom.js"
import { t, when } from "../texts.js"
import { fieldHistory } from "./requests.js"

const KINDS = ["read", "correction", "control", "first", "second", "undo"]

/** Open it. onClose: where focus goes. */
export async function openTrail(group, { field, name }, onClose) {
  const content = h("div", {}, h("p", {}, t("review.trail.loading")))
  const title = h("h2", { id: "review-trail-title", tabindex: "-1" }, t("review.trail.title", { name }))
  const dialog = h("dialog", { class: "trail", "aria-labelledby": "review-trail-title" },
    title,
    content,
    h("form", { method: "dialog" }, h("button", { class: "main" }, t("common.close"))))
  dialog.addEventListener("close", () => {
    dialog.remove()
    onClose()
  })
  document.body.append(dialog)
  dialog.showModal()
  title.focus()
  try {
    fill(content, table(await fieldHistory(group, field), name))
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    fill(content, h("p", { class: "look" }, error.message))
  }
}

function table(changes, name) {
  const shown = (text) => (text === "" ? t("review.trail.empty") : text)
  return h("div", { class: "scrolls", tabindex: "0", role: "region", "aria-labelledby": "review-trail-title" }, h("table", {},
    h("caption", { class: "unseen" }, t("review.trail.title", { name })),
    h("thead", {}, h("tr", {}, ["at", "by", "what", "value"].map((name) => h("th", { scope: "col" }, t(`review.trail.${name}`))))),
    h("tbody", {}, changes.map((change) => h("tr", {},
      h("th", { scope: "row" }, when(new Date(change.at))),
      h("td", {}, change.by),
      h("td", {}, KINDS.includes(change.kind) ? t(`review.trail.kind.${change.kind}`) : change.kind),
      h("td", {}, change.kind === "read" ? shown(change.after) : t("review.trail.change", { before: shown(change.before), after: shown(change.after) })))))))
}
