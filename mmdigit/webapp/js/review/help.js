// The folded help of each kind of work.

import { h } from "../dom.js"
import { t } from "../texts.js"
import { isBlind } from "./tasks.js"

const TYPED = ["value", "blank", "box", "anyway", "check"]
const KEYS = ["enter", "choice", "blank", "undo", "skip", "history", "leave", "zoom", "sound"]
const DIGIT_KEYS = ["enter", "arrows", "wrong", "digit", "unreadable", "undo", "leave"]

/** What may be typed, and the keys. */
export function fieldHelp(kind) {
  const keys = KEYS.filter((name) => !(isBlind(kind) && name === "history"))
  return h("details", { class: "help" },
    h("summary", {}, t("review.help")),
    list(t("review.help.typed"), TYPED.map((name) => [t(`review.typed.${name}`), t(`review.typed.${name}.means`)])),
    list(t("review.help.keys"), keys.map((name) => [t(`review.key.${name}`, { number: "1–3" }), t(`review.key.${name}.means`)])))
}

/** The keys by digit. */
export function digitHelp(digit) {
  return h("details", { class: "help" },
    h("summary", {}, t("review.help.keys")),
    list(null, DIGIT_KEYS.map((name) => [t(`review.key.${name}`), t(`review.digitkey.${name}.means`, { digit: String(digit) })])))
}

function list(title, pairs) {
  return [title && h("h3", {}, title), h("dl", {}, pairs.map(([key, means]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, means))))]
}
