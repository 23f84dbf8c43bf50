// The four figures: answers a second, how long they take, what waits, and what is for review.

import { h } from "../dom.js"
import { number, percent, t } from "../texts.js"
import { chart } from "./chart.js"
import { duration } from "./words.js"

const COUNTED_S = 5 // what was counted for less says little

/** An element with `show(status, history)`. */
export function figuresSection() {
  const figures = [
    figure("answers", t("watch.answers"), (value) => number(value, 1), ({ pace }) => [
      number(pace.per_s, pace.per_s < 10 ? 1 : 0),
      pace.window_s < COUNTED_S ? t("watch.answers.start") : t("watch.answers.more", { count: pace.answers, time: duration(pace.window_s) }),
    ]),
    figure("latency", t("watch.latency"), duration, ({ pace }) => pace.p95_s === undefined
      ? [t("watch.none"), t("watch.latency.none")]
      : [duration(pace.p95_s), t("watch.latency.more", { half: duration(pace.p50_s) })]),
    figure("backlog", t("watch.backlog"), duration, (status) => [
      status.backlog_s > 0 ? duration(status.backlog_s) : t("watch.backlog.none"),
      waiting(status.groups),
    ]),
    figure("review", t("watch.review"), (value) => percent(value, 1), ({ pace }) => pace.answers === 0
      ? [t("watch.none"), t("watch.review.none")]
      : [percent(pace.review / pace.answers, 1), t("watch.review.more", { count: pace.review, answers: pace.answers })]),
  ]
  const element = h("section", { "aria-labelledby": "watch-figures" },
    h("h2", { id: "watch-figures", class: "unseen" }, t("watch.figures")),
    h("div", { class: "figures" }, figures.map((each) => each.element)))
  return { element, show: (status, history) => figures.forEach((each) => each.show(status, history)) }
}

function figure(name, label, said, told) {
  const value = h("p", { class: "value" })
  const more = h("p", { class: "soft" })
  const line = chart(name, label, said)
  const element = h("div", { class: "panel" }, h("h3", {}, label), value, more, line.element)
  function show(status, history) {
    [value.textContent, more.textContent] = told(status)
    line.show(history)
  }
  return { element, show }
}

/** How much of the groups that are shown waits. */
function waiting(groups) {
  const open = { jobs: 0, pages: 0 }
  for (const group of groups) open[group.kind] += Math.max(0, group.submitted - group.done - group.dead)
  const parts = [
    ...(open.jobs > 0 ? [t("watch.jobs", { count: open.jobs })] : []),
    ...(open.pages > 0 ? [t("watch.pages", { count: open.pages })] : []),
  ]
  return parts.length > 0 ? t("watch.waiting", { what: parts.join(t("watch.and")) }) : t("watch.waiting.none")
}
