// What needs a person, in words.

import { fill, h } from "../dom.js"
import { percent, t } from "../texts.js"
import { fillInPlace, write } from "./in_place.js"
import { duration } from "./words.js"

const SILENT_S = 15

/** [{key, text}, ...]: what a person should do something about. key: the same while it is the same matter. */
export function attentionOf(status) {
  const needs = []
  const add = (key, text) => needs.push({ key, text })
  for (const part of status.missing ?? []) add(`missing ${part}`, t("watch.missing", { part: partName(part) }))
  if ((status.silent_s ?? 0) > SILENT_S) add("silent", t("watch.silent", { time: duration(status.silent_s) }))
  if (status.backlog_s > status.max_backlog_s) {
    add("backlog", t("watch.backlog.long", { time: duration(status.backlog_s), limit: duration(status.max_backlog_s) }))
  }
  for (const group of status.groups) {
    if (group.dead > 0) {
      add(`dead ${group.group}`, t(group.kind === "pages" ? "watch.dead.pages" : "watch.dead.jobs", { group: group.group, count: group.dead }))
    }
    const { sampled } = group
    if (sampled && sampled.bound > sampled.target) {
      const tooMany = sampled.wrong > sampled.target * sampled.keyed
      add(`error ${group.group}`, t(tooMany ? "watch.error.many" : "watch.error.open", {
        group: group.group, bound: percent(sampled.bound, 2), target: percent(sampled.target, 2),
        wrong: sampled.wrong, keyed: sampled.keyed,
      }))
    }
  }
  return needs
}

/** An element with `show(needs)`, and with `showWaiting(texts)` of what waits in Review, which is no fault. */
export function attentionSection() {
  const list = h("ul", { class: "needs" })
  const waiting = h("ul", { class: "waits", hidden: true })
  const none = h("p", { class: "good" }, h("span", { "aria-hidden": "true" }, "✓ "), t("watch.needs.none"))
  const element = h("section", { "aria-labelledby": "watch-needs" }, h("h2", { id: "watch-needs" }, t("watch.needs")), list, waiting, none)
  let shown = ""

  function showNone() {
    none.hidden = !list.hidden || !waiting.hidden
  }

  function show(needs) {
    const texts = needs.map((need) => need.text)
    list.hidden = needs.length === 0
    showNone()
    if (texts.join("\n") === shown) return // a person may be reading them
    shown = texts.join("\n")
    fill(list, texts.map((text) => h("li", { class: "look" }, h("span", { "aria-hidden": "true" }, "▲ "), text)))
  }

  function showWaiting(texts) {
    waiting.hidden = texts.length === 0
    showNone()
    fillInPlace(waiting, texts, () => h("li", {}, h("a", { href: "#/review" })), (line, text) => write(line.firstChild, text))
  }

  return { element, show, showWaiting }
}

function partName(part) {
  if (part === "topic of jobs") return t("watch.part.topic")
  if (part === "database") return t("watch.part.database")
  return t("watch.part.store")
}
