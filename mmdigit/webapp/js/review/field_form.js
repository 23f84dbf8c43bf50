// The box in which a field's value is typed, with all that helps: alternatives, marks, the reasons and the checks.

import { announce, fill, h } from "../dom.js"
import { percent, sentences, t } from "../texts.js"
import { shapeProblem } from "./shape.js"
import { isBlind, spoken } from "./tasks.js"

const LONGEST = 64
const SUREST = 0.999 // the most that is told: nothing is sure
const REASONS = [
  "low_confidence", "blank", "partly_blank", "over_full", "crossed_out", "not_a_digit", "several_digits", "not_valid",
  "corrected", "frame_not_found", "faint_mark", "dead_letter", "control_differs", "conflict", "not_spoken",
  "not_heard", "spoken_differs", "touching", "count_differs", "ink_left_out",
]
const isFree = (field) => field.boxes.length === 1 && field.count > 1 // one box for all digits

/** {element, show(item), choose(number), reset(more), draft(), clear(), focus(), hasFocus}. onKeep(text): Enter. */
export function fieldForm(kind, onKeep) {
  const problem = h("p", { id: "review-problem", class: "look problem", hidden: true })
  const why = h("div", { id: "review-why", class: "why" })
  const field = h("input", {
    id: "review-value", maxlength: LONGEST, autocomplete: "off", autocapitalize: "off", spellcheck: "false",
    "aria-labelledby": "review-value-label review-what", "aria-describedby": "review-problem review-why review-heard review-others",
  })
  const choices = h("div", { class: "row choices", role: "group", "aria-label": t("review.choices") })
  const others = h("span", { id: "review-others", class: "unseen" })
  const marks = h("div", { class: "row marks", role: "group", "aria-label": t("review.marks") },
    mark("blank", t("review.key.blank"), () => put("blank")),
    mark("box", "_", () => insert("_")),
    mark("anyway", "!", () => put(field.value.startsWith("!") ? field.value.slice(1) : `!${field.value}`)))
  const element = h("form", { class: "field-form", on: { submit } },
    h("div", { class: "row" },
      h("label", { id: "review-value-label", for: "review-value" }, t("review.value")),
      field,
      h("button", { class: "main" }, t("review.keep"), " ", h("kbd", {}, t("review.key.enter")))),
    problem, choices, others, marks, why)
  let item = null
  let initial = ""
  let offered = []

  function mark(name, key, run) {
    return h("button", { type: "button", on: { click: run } }, t(`review.mark.${name}`), " ", h("kbd", {}, key))
  }

  function submit(event) {
    event.preventDefault()
    if (item === null) return
    const wrong = shapeProblem(item.field, field.value)
    if (wrong !== null) return tellProblem(t(wrong, { count: item.field.count }))
    onKeep(field.value.trim())
  }

  function showProblem(text, isInvalid) {
    fill(problem, text)
    problem.hidden = text === ""
    if (isInvalid) field.setAttribute("aria-invalid", "true")
    else field.removeAttribute("aria-invalid")
  }

  function tellProblem(text) {
    showProblem(text, true)
    announce(text)
    field.focus()
  }

  function put(text) {
    const hadFocus = document.activeElement === field // else a voice reads it as focus comes
    field.value = text
    showProblem("", false)
    field.focus()
    field.setSelectionRange(text.length, text.length)
    if (hadFocus) announce(t("review.value.now", { value: spoken(text) }))
  }

  function othersText(type) {
    if (type === "check") return t("review.others.check")
    return offered.length === 0 ? "" : t("review.others.count", { count: offered.length })
  }

  function insert(text) {
    field.focus()
    field.setRangeText(text, field.selectionStart, field.selectionEnd, "end")
  }

  function problemText(told) {
    if (told === null) return ""
    const { outcome, error, value } = told
    if (outcome === "refused") return t("review.problem.refused", { error: error ?? "" })
    if (outcome === "outdated") return value === null || isBlind(kind) ? t("review.problem.outdated") : t("review.problem.outdated.value", { value: value || t("review.trail.empty") })
    return t("review.problem.expired")
  }

  return {
    element,
    /** Show a field, with what was read or what was typed before. Returns what a voice says of it after its name. */
    show(shown) {
      item = shown
      const { field: read, typed, problem: wrong } = item
      initial = typed ?? (isBlind(kind) ? "" : read.text ?? "")
      field.value = item.draft ?? initial
      item.draft = null
      field.setAttribute("inputmode", read.type === "decimal" ? "decimal" : "numeric")
      offered = read.type === "check" ? ["true", "false"] : read.alternatives.slice(0, 3)
      marks.hidden = read.type === "check"
      const label = (text) => (read.type === "check" ? t(`review.check.${text}`) : text)
      fill(choices, offered.map((text, i) =>
        h("button", { type: "button", on: { click: () => put(text) } }, label(text), " ", h("kbd", {}, t("review.key.choice", { number: String(i + 1) })))))
      const reasons = read.reasons.map((reason) => (REASONS.includes(reason) ? t(`review.reason.${reason}`) : t("review.reason.other", { reason })))
      fill(why,
        reasons.map((reason) => h("p", {}, reason)),
        h("p", { class: "soft" }, [t(isFree(read) ? "review.digits.in.box" : "review.boxes", { count: read.count }), read.checks ? t("review.checks", { checks: read.checks }) : null,
          typeof read.chance === "number" ? t("review.chance", { chance: percent(Math.min(read.chance, SUREST), 1) }) : null].filter(Boolean).join(" ")))
      fill(others, othersText(read.type))
      showProblem(problemText(wrong), wrong?.outcome === "refused")
      field.select() // what one types replaces it
      const value = field.value && t("review.shown", { value: spoken(field.value) })
      return sentences(problem.textContent, value, ...reasons, others.textContent)
    },
    /** Take alternative 1, 2 or 3; 0 is blank. */
    choose(number) {
      const text = number === 0 ? "blank" : offered[number - 1]
      if (text !== undefined) put(text)
    },
    /** Take back what was typed here; false if nothing was. more: what else to say of it. */
    reset(more = "") {
      if (field.value === initial) return false
      field.value = initial
      field.focus()
      field.select()
      showProblem(problemText(item.problem), item.problem?.outcome === "refused")
      announce(sentences(t("review.reset"), more || (initial && t("review.shown", { value: spoken(initial) }))))
      return true
    },
    /** What is typed; null if nothing was. */
    draft: () => (item === null || field.value === initial ? null : field.value),
    clear() {
      item = null
      initial = field.value = ""
    },
    focus: () => field.focus(),
    get hasFocus() {
      return document.activeElement === field
    },
  }
}
