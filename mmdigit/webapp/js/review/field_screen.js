// Work field by field: the picture, the value in a box, Enter. Of control and second keys nothing tells what was read.

import { token } from "../api.js"
import { announce, fill, h } from "../dom.js"
import { settings } from "../settings.js"
import { t } from "../texts.js"
import { bar } from "./bar.js"
import { leave, pauseFor, tool } from "./desk.js"
import { fieldForm } from "./field_form.js"
import { formsOf, groupOf } from "./following.js"
import { fieldHelp } from "./help.js"
import { fieldPicture } from "./picture.js"
import { session } from "./session.js"
import { fieldName, isBlind, kindName } from "./tasks.js"
import { openTrail } from "./trail.js"

/** Fill root with the work; returns what ends it. */
export function fieldScreen(root, task, followed) {
  const form = fieldForm(task.kind, (text) => work.keep(text))
  const picture = fieldPicture()
  const line = bar(task, followed)
  const what = h("h2", { id: "review-what" })
  const undoButton = tool("undo", undo)
  const desk = h("section", { class: "desk", "aria-labelledby": "review-what", hidden: true }, what,
    h("div", { class: "picture" }, picture.element,
      h("div", { class: "row zoom", role: "group", "aria-label": t("review.zoom") },
        h("button", { type: "button", "aria-label": t("review.larger"), on: { click: () => zoom(1) } }, "+"),
        h("button", { type: "button", "aria-label": t("review.smaller"), on: { click: () => zoom(-1) } }, "−"))),
    form.element)
  const pause = pauseFor(desk, () => work.again())
  const skipButton = tool("skip", () => work.skip())
  const trailButton = isBlind(task.kind) ? null : tool("history", showTrail)

  fill(root,
    h("h1", {}, task.group, " · ", kindName(task)),
    isBlind(task.kind) ? h("p", { class: "soft work-why" }, t(`review.kind.${task.kind}.blind`)) : null,
    line.element, desk, pause.element,
    h("div", { class: "row tools" }, undoButton, skipButton, trailButton, tool("leave", leave)), fieldHelp(task.kind))
  root.addEventListener("keydown", press)

  const work = session({ task, clerk: token() ? null : settings.name, isOnlyForm: formsOf(followed.groups, task) === 1, onEvent, draft: form.draft })
  const quiet = followed.listen(showListed)
  showListed(followed.groups)
  showState()

  function showListed(groups) {
    work.listedLeft = groupOf(groups, task)?.left ?? null
    line.show(work)
  }

  function onEvent({ type, item, entry, isBack }) {
    if (type === "current") showCurrent()
    if (type === "problem") tellProblem(item, entry, isBack)
    if (type === "lost") announce(t("review.lost"))
    showState()
  }

  function showCurrent() {
    const item = work.current
    if (item === null) return form.clear()
    const mayFocus = document.querySelector("dialog[open]") === null
    const name = fieldName(item.field)
    fill(what, name)
    picture.show(item, t("review.picture", { name }))
    pause.hide()
    const told = form.show(item)
    if (mayFocus) form.focus()
    announce(told)
  }

  function tellProblem({ field, problem }, { key }, isBack) {
    const what = key.undo ? "undo" : isBack ? "comes" : problem.outcome === "outdated" ? "others" : "over"
    announce(t(`review.problem.${what}`, { name: fieldName(field), error: problem.error ?? "" }))
  }

  function showState() {
    line.show(work)
    undoButton.disabled = !work.canUndo
    skipButton.hidden = work.current === null
    if (trailButton) trailButton.hidden = work.current === null
    if (work.current === null) pause.show(work)
  }

  function zoom(by) {
    announce(t("review.zoomed", { times: String(picture.zoom(by)) }))
  }

  function undo() {
    if (form.reset()) return
    const [item] = work.undo()
    if (!item) announce(t("review.undo.none"))
  }

  function showTrail() {
    const item = work.current
    if (item !== null) openTrail(task.group, { field: item.id, name: fieldName(item.field) }, form.focus)
  }

  function press(event) {
    work.touch()
    const run = command(event)
    if (run === null) return
    event.preventDefault()
    run()
  }

  function command({ key, code, altKey, ctrlKey, metaKey, shiftKey }) {
    if (key === "Escape") return leave
    if ((ctrlKey || metaKey) && !shiftKey && !altKey && key.toLowerCase() === "z") return undo
    if (ctrlKey || metaKey || work.current === null) return null
    if (key === "PageDown" && !altKey) return () => work.skip()
    if (!altKey) return null
    if (/^Digit[0-3]$/.test(code)) return () => form.choose(Number(code.at(-1)))
    if (code === "KeyH" && trailButton) return showTrail
    return { ArrowUp: () => zoom(1), ArrowDown: () => zoom(-1) }[key] ?? null
  }

  return ({ now = false } = {}) => {
    root.removeEventListener("keydown", press)
    quiet()
    work.end({ now })
  }
}
