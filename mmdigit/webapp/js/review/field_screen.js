// Work field by field: the picture, the value in a box, Enter. Of control and second keys nothing tells what was read.

import { announce, fill, h } from "../dom.js"
import { sentences, t } from "../texts.js"
import { bar } from "./bar.js"
import { leave, pauseFor, tool } from "./desk.js"
import { fieldForm } from "./field_form.js"
import { groupOf, heldByOthers } from "./following.js"
import { fieldHelp } from "./help.js"
import { fieldPicture } from "./picture.js"
import { presence } from "./presence.js"
import { fieldRecording } from "./recording.js"
import { fieldName, isBlind, kindName } from "./tasks.js"
import { openTrail } from "./trail.js"
import { working } from "./working.js"

const TELL_LEFT_EVERY = 10 // fields

/** Fill root with the work; returns what ends it. */
export function fieldScreen(root, task, followed) {
  const form = fieldForm(task.kind, keep)
  const picture = fieldPicture()
  const recording = fieldRecording(task.group, "review-heard")
  const line = bar(task, followed)
  const what = h("h2", { id: "review-what" })
  const undoButton = tool("undo", undo)
  const desk = h("section", { class: "desk", "aria-labelledby": "review-what", hidden: true }, what,
    h("div", { class: "picture" }, picture.element,
      h("div", { class: "row zoom", role: "group", "aria-label": t("review.zoom") },
        h("button", { type: "button", "aria-label": t("review.larger"), on: { click: () => zoom(1) } }, "+"),
        h("button", { type: "button", "aria-label": t("review.smaller"), on: { click: () => zoom(-1) } }, "−"))),
    form.element, recording.element)
  const others = () => heldByOthers(groupOf(followed.groups, task), work.clerk)
  const pause = pauseFor(desk, { onAgain: () => work.again(), heldByOthers: others })
  const here = presence({ onSign: () => work.touch(), goBack: form.focus })
  const skipButton = tool("skip", skip)
  const trailButton = isBlind(task.kind) ? null : tool("history", showTrail)

  fill(root,
    h("h1", {}, task.group, " · ", kindName(task)),
    isBlind(task.kind) ? h("p", { class: "soft work-why" }, t(`review.kind.${task.kind}.blind`)) : null,
    line.element, here.element, desk, pause.element,
    h("div", { class: "row tools" }, undoButton, skipButton, trailButton, tool("leave", leave)), fieldHelp(task.kind))
  root.addEventListener("keydown", press)

  let told = { name: "", more: "" } // what a voice says of the field, if focus has not said it
  let isStep = false
  const { work, listen, end } = working(task, followed, { onEvent, draft: form.draft })
  listen(showState)
  if (work.current !== null) showCurrent()

  function onEvent({ type, item, entry, isBack, ms }) {
    if (type === "current") showCurrent()
    if (type === "ending") here.warn(ms)
    if (type === "problem") tellProblem(item, entry, isBack)
    if (type === "lost") announce(t("review.lost"))
    showState()
  }

  function showCurrent() {
    const item = work.current
    if (item === null) {
      recording.end()
      return form.clear()
    }
    const mayFocus = document.querySelector("dialog[open]") === null
    const name = fieldName(item.field)
    fill(what, name)
    picture.show(item, t("review.picture", { name }))
    pause.hide()
    const hadFocus = form.hasFocus
    const more = sentences(form.show(item), recording.show(item))
    if (mayFocus) form.focus()
    told = hadFocus ? { name, more } : { name: "", more: "" }
    if (!isStep && hadFocus) announce(sentences(name, more))
  }

  // A step of the person, which says itself what became of it.
  function step(run) {
    told = { name: "", more: "" }
    isStep = true
    run()
    isStep = false
  }

  function keep(text) {
    step(() => work.keep(text))
    const tells = work.figures.keyed % TELL_LEFT_EVERY === 0 && work.left !== null
    announce(sentences(t("review.said.kept"), tells && t("review.left", { count: work.left }), told.name, told.more))
  }

  function skip() {
    step(() => work.skip())
    announce(sentences(t("review.said.later"), told.name, told.more))
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
    if (!work.canUndo) return announce(t("review.undo.none"))
    step(() => work.undo())
    announce(sentences(t("review.said.back", { name: fieldName(work.current.field) }), told.more))
  }

  function escape() {
    if (!form.reset(t("review.reset.leave"))) leave()
  }

  function showTrail() {
    const item = work.current
    if (item !== null) openTrail(task.group, { field: item.id, name: fieldName(item.field) }, form.focus)
  }

  function press(event) {
    const run = command(event)
    if (run === null) return
    event.preventDefault()
    run()
  }

  function command({ key, code, altKey, ctrlKey, metaKey, shiftKey }) {
    if (key === "Escape") return escape
    if ((ctrlKey || metaKey) && !shiftKey && !altKey && key.toLowerCase() === "z") return undo
    if (ctrlKey || metaKey || work.current === null) return null
    if (key === "PageDown" && !altKey) return skip
    if (!altKey) return null
    if (/^Digit[0-3]$/.test(code)) return () => form.choose(Number(code.at(-1)))
    if (code === "KeyH" && trailButton) return showTrail
    if (code === "KeyP" && work.current.field.sound !== null) return recording.play
    return { ArrowUp: () => zoom(1), ArrowDown: () => zoom(-1) }[key] ?? null
  }

  return (how) => {
    root.removeEventListener("keydown", press)
    recording.end()
    here.end()
    pause.end()
    end(how)
  }
}
