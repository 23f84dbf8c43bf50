// What both kinds of work have around them: the desk, and in its place a pause when there is nothing to show.

import { announce, fill, h } from "../dom.js"
import { t } from "../texts.js"
import { figuresText } from "./bar.js"

/** A button with its key beside its name. */
export function tool(name, run) {
  return h("button", { type: "button", on: { click: run } }, t(`review.${name}`), " ", h("kbd", {}, t(`review.key.${name}`)))
}

/** Leave the work; what is left of it is given back. */
export function leave() {
  location.hash = "#/review"
}

/** What stands in place of the desk: {element, show(work), tell(title, text), hide()}. onAgain: look for work again. */
export function pauseFor(desk, onAgain) {
  const title = h("h2", { tabindex: "-1" })
  const text = h("p", {})
  const again = h("button", { type: "button", on: { click: onAgain } }, t("review.again"))
  const element = h("section", { class: "panel pause" }, title, text, again)

  function tell(said, more) {
    const hasFocus = desk.contains(document.activeElement) || document.activeElement === document.body
    const isNew = element.hidden || title.textContent !== said
    desk.hidden = true
    element.hidden = false
    fill(text, more)
    if (!isNew) return
    fill(title, said)
    if (hasFocus) title.focus()
    announce(`${said}. ${more}`)
  }

  return {
    element,
    tell,
    /** Say that there is nothing left, that it is on its way, or what is wrong. */
    show(work) {
      again.hidden = !work.isFinished && work.error === null
      if (work.error !== null) tell(t("review.problem.other"), work.error.message)
      else if (work.isFinished) tell(t("review.finished"), `${t("review.finished.more")} ${figuresText(work.figures)}.`)
      else tell(t("review.waiting"), t("review.waiting.more"))
    },
    hide() {
      desk.hidden = false
      element.hidden = true
    },
  }
}
