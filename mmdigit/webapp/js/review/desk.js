// What both kinds of work have around them: the desk, and in its place a pause when there is nothing to show.

import { announce, fill, h } from "../dom.js"
import { sentences, t } from "../texts.js"
import { figuresText } from "./bar.js"

const WAIT_MS = 1000 // before it is worth telling that somebody waits

/** A button with its key beside its name. */
export function tool(name, run) {
  return h("button", { type: "button", on: { click: run } }, t(`review.${name}`), " ", h("kbd", {}, t(`review.key.${name}`)))
}

/** Leave the work; what is left of it is given back. */
export function leave() {
  location.hash = "#/review"
}

/**
 * What stands in place of the desk: {element, show(work), tell(title, text), hide()}. onAgain: look for work again.
 * heldByOthers(): how many fields or boxes others have.
 */
export function pauseFor(desk, { onAgain, heldByOthers }) {
  const title = h("h2", { tabindex: "-1" })
  const text = h("p", {})
  const again = h("button", { type: "button", on: { click: onAgain } }, t("review.again"))
  const element = h("section", { class: "panel pause", hidden: true }, title, text, again)
  let waits = 0

  function tell(said, more) {
    endWait()
    const hasFocus = desk.contains(document.activeElement) || document.activeElement === document.body
    const isNew = element.hidden || title.textContent !== said
    desk.hidden = true
    element.hidden = false
    fill(text, more)
    if (!isNew) return
    fill(title, said)
    if (hasFocus) title.focus()
    announce(sentences(said, more))
  }

  function wait(work) {
    const say = () => tell(t("review.waiting"), work.figures.keyed > 0 ? t("review.waiting.more") : "")
    if (!element.hidden) say()
    else if (waits === 0) waits = setTimeout(say, WAIT_MS)
  }

  function endWait() {
    clearTimeout(waits)
    waits = 0
  }

  function finishedText({ figures }) {
    const count = heldByOthers()
    return sentences(
      figures.keyed > 0 && t("review.finished.more"), figures.keyed > 0 && figuresText(figures),
      count > 0 ? t("review.finished.held", { count }) : t("review.finished.others"))
  }

  return {
    element,
    tell,
    /** Say that there is nothing left, that it is on its way, or what is wrong. */
    show(work) {
      again.hidden = !work.isFinished && work.error === null
      if (work.error !== null) tell(t("review.problem.other"), work.error.message)
      else if (work.isFinished) tell(t("review.finished"), finishedText(work))
      else wait(work)
    },
    hide() {
      endWait()
      desk.hidden = false
      element.hidden = true
    },
    end: endWait,
  }
}
