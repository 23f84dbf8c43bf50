// The newest groups, each as a row that is changed in place, so that nobody loses their place in the table.

import { h } from "../dom.js"
import { number, percent, t } from "../texts.js"
import { write } from "./in_place.js"
import { duration } from "./words.js"

/** An element with `show(status)`. */
export function groupsSection() {
  const names = [
    t("watch.group"), t("watch.progress"), t("watch.accepted"), t("watch.review.column"), t("watch.unreadable"), t("watch.left"), t("watch.error"),
  ]
  // Roles that the elements have anyway: on a narrow screen their display changes, and with it what they are.
  const body = h("tbody", { role: "rowgroup" })
  const head = h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, names.map((name, index) =>
    h("th", { scope: "col", role: "columnheader", class: index > 1 && index < 5 ? "number" : null }, name))))
  const table = h("table", { class: "groups", role: "table", "aria-labelledby": "watch-groups" }, head, body)
  const scrolling = h("div", { class: "scrolls" }, table)
  const none = h("p", {}, t("watch.groups.none"))
  const more = h("p", { class: "soft" }, t("watch.groups.more"))
  const element = h("section", {}, h("h2", { id: "watch-groups" }, t("watch.groups")), scrolling, none, more)
  new ResizeObserver(showScrolling).observe(scrolling)

  /** Where the table is wider than its place, as with large letters, it scrolls by itself: by the keyboard too. */
  function showScrolling() {
    const scrolls = scrolling.scrollWidth > scrolling.clientWidth
    const attributes = { tabindex: "0", role: "region", "aria-labelledby": "watch-groups" }
    for (const [name, value] of Object.entries(attributes)) scrolls ? scrolling.setAttribute(name, value) : scrolling.removeAttribute(name)
  }

  let rows = new Map()

  function show(status) {
    table.hidden = status.groups.length === 0
    none.hidden = status.groups.length > 0
    more.hidden = !status.more_groups
    rows = new Map(status.groups.map((group) => [group.group, rows.get(group.group) ?? row(group.group, names)]))
    for (const group of status.groups) rows.get(group.group).show(group)
    const wanted = [...rows.values()].map((each) => each.element)
    if (wanted.length !== body.children.length || wanted.some((each, index) => each !== body.children[index])) body.replaceChildren(...wanted)
    showScrolling()
  }

  return { element, show }
}

function row(name, names) {
  const bar = h("progress", { "aria-label": t("watch.progress.of", { group: name }) })
  const far = h("span", {})
  const [accepted, review, dead, left, error] = [0, 1, 2, 3, 4].map((index) =>
    h("td", { role: "cell", class: index < 3 ? "number" : null, data: { name: names[index + 2] } }))
  const element = h("tr", { role: "row" },
    h("th", { scope: "row", role: "rowheader" }, name),
    h("td", { role: "cell", data: { name: names[1] } }, h("span", { class: "far" }, bar, far)),
    accepted, review, dead, left, error)

  function show(group) {
    const ended = group.done + group.dead
    bar.max = Math.max(1, group.submitted)
    bar.value = group.submitted === 0 ? 1 : ended
    write(far, t(group.kind === "pages" ? "watch.far.pages" : "watch.far.jobs", { done: number(ended), count: group.submitted }))
    write(accepted, number(group.decisions.accept))
    write(review, number(group.decisions.review))
    write(dead, group.dead > 0 ? `▲ ${number(group.dead)}` : "0")
    dead.classList.toggle("look", group.dead > 0)
    write(left, group.finished ? t("watch.done") : group.left_s === undefined ? t("watch.left.unknown") : duration(group.left_s))
    left.classList.toggle("good", group.finished)
    showError(error, group.sampled)
  }

  return { element, show }
}

function showError(cell, sampled) {
  cell.classList.toggle("look", Boolean(sampled && sampled.bound > sampled.target))
  if (!sampled) write(cell, t("watch.error.none"))
  else {
    const told = t("watch.error.told", { bound: percent(sampled.bound, 2), wrong: sampled.wrong, count: sampled.keyed })
    write(cell, sampled.unconfirmed > 0 ? `${told}, ${t("watch.error.unconfirmed", { count: sampled.unconfirmed })}` : told)
  }
}
