// Work by digit: a screen of boxes that were all read as one digit. The wrong ones are marked; Enter says the rest is right.

import { token } from "../api.js"
import { announce, fill, h } from "../dom.js"
import { settings } from "../settings.js"
import { t } from "../texts.js"
import { bar } from "./bar.js"
import { boxGrid } from "./box_grid.js"
import { leave, pauseFor, tool } from "./desk.js"
import { formsOf, groupOf } from "./following.js"
import { digitHelp } from "./help.js"
import { session } from "./session.js"
import { kindName } from "./tasks.js"

const TOGETHER = 40

/** Fill root with the work; returns what ends it. */
export function digitScreen(root, task, followed) {
  const { digit } = task
  const grid = boxGrid(showCurrent)
  const line = bar(task, followed)
  const says = h("div", { class: "row says", role: "group", "aria-labelledby": "review-says" },
    Array.from({ length: 10 }, (_, value) => says_(String(value), value)),
    says_(t("review.unreadable"), null, "-"))
  const current = h("p", { id: "review-says" })
  const confirm = h("button", { type: "button", class: "main", on: { click: keep } })
  const undoButton = tool("undo", undo)
  const desk = h("section", { class: "desk", "aria-label": kindName(task), hidden: true },
    h("p", {}, t("review.digits.do", { digit: String(digit) })), grid.element, current, says, h("p", {}, confirm))
  const pause = pauseFor(desk, () => work.again())
  let shown = []

  function says_(text, value, key = null) {
    return h("button", { type: "button", data: { value: String(value) }, on: { click: () => sayAndGoBack(value) } }, text, key ? [" ", h("kbd", {}, key)] : null)
  }

  fill(root,
    h("h1", {}, task.group, " · ", kindName(task)), line.element, desk, pause.element,
    h("div", { class: "row tools" }, undoButton, tool("leave", leave)), digitHelp(digit))
  root.addEventListener("keydown", press)

  const work = session({ task, clerk: token() ? null : settings.name, isOnlyForm: formsOf(followed.groups, task) === 1, onEvent })
  const quiet = followed.listen(showListed)
  showListed(followed.groups)
  showState()

  function showListed(groups) {
    work.listedLeft = groupOf(groups, task)?.left ?? null
    line.show(work)
  }

  function onEvent({ type, item, entry }) {
    if (type === "current") showScreen()
    if (type === "problem") announce(t("review.problem.box", { box: item.box + 1, error: item.problem.error ?? "", undone: entry.key.undo ? 1 : 0 }))
    if (type === "lost") announce(t("review.lost"))
    showState()
  }

  function showScreen() {
    shown = work.next(TOGETHER)
    if (shown.length === 0) return
    const mayFocus = desk.hidden || document.activeElement === confirm || document.activeElement === document.body || document.activeElement === undoButton
    pause.hide()
    grid.show(shown, digit)
    fill(confirm, t("review.digits.keep", { count: shown.length }), " ", h("kbd", {}, t("review.key.enter")))
    if (mayFocus) grid.focus()
    announce(t("review.boxes.all", { digit: String(digit), count: shown.length }))
  }

  function showCurrent(item) {
    fill(current, t("review.digits.what", { box: shown.indexOf(item) + 1 }))
    for (const each of says.children) each.setAttribute("aria-pressed", String(each.dataset.value === String(item.said)))
  }

  function showState() {
    line.show(work)
    undoButton.disabled = !work.canUndo
    if (work.current === null) pause.show(work)
  }

  function sayAndGoBack(value) {
    grid.say(value)
    grid.focus()
  }

  function keep() {
    if (shown.length > 0) work.keepBoxes(shown)
  }

  function undo() {
    if (work.undo().length === 0) announce(t("review.undo.none"))
  }

  function press(event) {
    work.touch()
    const { key, ctrlKey, metaKey, altKey, shiftKey } = event
    let run = null
    if (key === "Escape") run = leave
    else if ((ctrlKey || metaKey) && !altKey && !shiftKey && key.toLowerCase() === "z") run = undo
    else if (key === "Enter" && grid.element.contains(event.target)) run = keep
    if (run === null) return
    event.preventDefault()
    run()
  }

  return ({ now = false } = {}) => {
    root.removeEventListener("keydown", press)
    quiet()
    work.end({ now })
  }
}
