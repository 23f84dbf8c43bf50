// Work by digit: a screen of boxes that were all read as one digit. The wrong ones are marked; Enter says the rest is right.

import { announce, fill, h } from "../dom.js"
import { sentences, t } from "../texts.js"
import { bar } from "./bar.js"
import { boxGrid } from "./box_grid.js"
import { leave, pauseFor, tool } from "./desk.js"
import { groupOf, heldByOthers } from "./following.js"
import { digitHelp } from "./help.js"
import { presence } from "./presence.js"
import { boxName, fieldName, kindName } from "./tasks.js"
import { working } from "./working.js"

const TOGETHER = 40

/** Fill root with the work; returns what ends it. */
export function digitScreen(root, task, followed) {
  const { digit } = task
  const grid = boxGrid(showCurrent, "review-do review-keys")
  const line = bar(task, followed)
  const says = h("div", { class: "row says", role: "group", "aria-labelledby": "review-says" },
    Array.from({ length: 10 }, (_, value) => says_(String(value), value)),
    says_(t("review.unreadable"), null, "-"))
  const current = h("p", { id: "review-says" })
  const confirm = h("button", { type: "button", class: "main", on: { click: keep } })
  const undoButton = tool("undo", undo)
  const desk = h("section", { class: "desk", "aria-label": kindName(task), hidden: true },
    h("p", { id: "review-do" }, t("review.digits.do", { digit: String(digit) })),
    h("p", { id: "review-keys", class: "soft" }, t("review.digits.keys")), grid.element, current, says, h("p", {}, confirm))
  const others = () => heldByOthers(groupOf(followed.groups, task), work.clerk)
  const pause = pauseFor(desk, { onAgain: () => work.again(), heldByOthers: others })
  const here = presence({ onSign: () => work.touch(), goBack: grid.focus })
  const note = h("p", { class: "look note", role: "status" }) // seen and heard, while the next screen is announced
  let shown = []
  let stays = [] // what became of the last screen's fields
  let isWarned = false // that marks are lost
  let isStep = false

  function says_(text, value, key = null) {
    return h("button", { type: "button", data: { value: String(value) }, on: { click: () => sayAndGoBack(value) } }, text, key ? [" ", h("kbd", {}, key)] : null)
  }

  fill(root,
    h("h1", {}, task.group, " · ", kindName(task)), line.element, here.element, desk, pause.element, note,
    h("div", { class: "row tools" }, undoButton, tool("leave", leave)), digitHelp(digit))
  root.addEventListener("keydown", press)

  const { work, listen, end } = working(task, followed, { onEvent })
  listen(showState)
  if (work.current !== null) showScreen()

  function onEvent({ type, item, entry, error, ms }) {
    if (type === "current") showScreen()
    if (type === "ending") here.warn(ms)
    if (type === "stays") tellStays(item, error)
    if (type === "problem") announce(t("review.problem.box", { box: item.box + 1, error: item.problem.error ?? "", undone: entry.key.undo ? 1 : 0 }))
    if (type === "lost") announce(t("review.lost"))
    showState()
  }

  function showScreen() {
    shown = work.next(TOGETHER)
    if (shown.length === 0) return grid.lock()
    const hadFocus = grid.element.contains(document.activeElement)
    const mayFocus = desk.hidden || document.activeElement === confirm || document.activeElement === document.body || document.activeElement === undoButton
    pause.hide()
    grid.show(shown, digit)
    fill(confirm, t("review.digits.keep", { count: shown.length }), " ", h("kbd", {}, t("review.key.enter")))
    if (mayFocus) grid.focus()
    if (hadFocus && !isStep) announce(allText())
  }

  const allText = () => t("review.boxes.all", { digit: String(digit), count: shown.length })

  // A step of the person, which says itself what became of it.
  function step(word, run) {
    fill(note)
    stays = []
    isStep = true
    run()
    isStep = false
    announce(sentences(word, shown.length > 0 && allText()))
  }

  function tellStays({ field }, error) {
    stays.push(t("review.digits.stays", { name: fieldName(field), error }))
    fill(note, stays.join(" "))
  }

  function showCurrent(item) {
    fill(current, t("review.digits.what", { box: boxName(item.field, item.box) }))
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
    if (shown.length > 0) step(t("review.said.kept"), () => work.keepBoxes(shown))
  }

  function undo() {
    if (work.canUndo) step(t("review.digits.back"), () => work.undo())
    else announce(t("review.undo.none"))
  }

  function escape() {
    const count = shown.filter((item) => item.said !== digit).length
    if (count === 0 || isWarned) return leave()
    isWarned = true
    fill(note, t("review.digits.leave", { count }))
  }

  function press(event) {
    const { key, ctrlKey, metaKey, altKey, shiftKey } = event
    let run = null
    if (key !== "Escape") isWarned = false
    if (key === "Escape") run = escape
    else if ((ctrlKey || metaKey) && !altKey && !shiftKey && key.toLowerCase() === "z") run = undo
    else if (key === "Enter" && grid.element.contains(event.target)) run = keep
    if (run === null) return
    event.preventDefault()
    run()
  }

  return (how) => {
    root.removeEventListener("keydown", press)
    here.end()
    pause.end()
    end(how)
  }
}
