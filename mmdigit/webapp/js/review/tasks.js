// What a person works on: its place in the address, and its words.

import { t } from "../texts.js"

export const KINDS = ["review", "control", "second"]

/** The fragment of a task: {group, form, kind, digit}. */
export function linkTo({ group, form, kind, digit = null }) {
  return `#/${["review", group, form, kind, digit].filter((part) => part !== null).map(encodeURIComponent).join("/")}`
}

/** The task of a fragment, null if it names none. */
export function taskOf(fragment) {
  const [, , group, form, kind, digit = ""] = fragment.split("/").map(decoded)
  if (!group || !form) return null
  if (kind === "digits" && /^[0-9]$/.test(digit)) return { group, form, kind, digit: Number(digit) }
  return KINDS.includes(kind) ? { group, form, kind } : null
}

/** Whether the fields of a kind are keyed without being told what was read. */
export const isBlind = (kind) => kind === "control" || kind === "second"

/** What a kind is called. */
export const kindName = ({ kind, digit }) => t(`review.kind.${kind}`, { digit: String(digit) })

const IN_GRID = /^[^.]+\.(\d+)\.[^.]+$/ // a column of a grid, in the row of that number

/** What a field is called: its form's number or its page, its label, and its row in a grid. */
export const fieldName = (field) => `${formName(field)}: ${labelOf(field)}`

/** What a box of a field is called. */
export const boxName = (field, box) => t("review.box", { form: formName(field), field: labelOf(field), box: box + 1 })

function formName({ serial = null, page }) {
  return serial === null ? t("review.place.page", { page: String(page) }) : t("review.place.form", { serial: String(serial) })
}

function labelOf({ label, name }) {
  const row = IN_GRID.exec(name)?.[1]
  return `${label || name}${row ? t("review.place.row", { row }) : ""}`
}

/** A value as a voice says it: digits apart, marks in words. */
export function spoken(text) {
  if (text === "blank") return t("review.mark.blank")
  if (text === "true" || text === "false") return t(`review.check.${text}`)
  return [...text].join(" ")
}

function decoded(part) {
  try {
    return decodeURIComponent(part)
  } catch {
    return ""
  }
}
