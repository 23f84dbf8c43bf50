// The line above the work: what is left, one's own figures, what is on its way, and who else is here.

import { fill, h } from "../dom.js"
import { number, t } from "../texts.js"
import { groupOf } from "./following.js"
import { box } from "./sending.js"

const SHOWN_FROM = 5 // fewer keys on their way come and go with each step

/** {element, show(session)}. followed: the groups, as follow() has them. */
export function bar(task, followed) {
  const left = h("span", { class: "left" })
  const figures = h("span", { class: "soft figures" })
  const unsent = h("span", { class: "look unsent" })
  const others = h("span", { class: "soft others" })
  const element = h("p", { class: "bar" }, left, figures, unsent, others)
  return {
    element,
    show(session) {
      fill(left, session.left === null ? "" : t("review.left", { count: session.left }))
      fill(figures, figuresText(session.figures))
      fill(unsent, box.away || box.unsent >= SHOWN_FROM ? t("review.unsent", { count: box.unsent }) : "")
      const group = groupOf(followed.groups, task)
      const there = (group?.clerks ?? []).filter(({ clerk, holds }) => holds > 0 && clerk !== session.clerk)
      fill(others, there.length === 0 ? "" : t("review.others", { names: there.map(({ clerk, holds }) => `${clerk} (${holds})`).join(", ") }))
    },
  }
}

/** One's own figures as a sentence. */
export function figuresText({ keyed, seconds, perHour }) {
  if (seconds === null) return t("review.keyed", { count: keyed })
  return `${t("review.keyed", { count: keyed })} · ${t("review.speed", { seconds: number(seconds, 1), perHour })}`
}
