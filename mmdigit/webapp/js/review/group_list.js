// The groups: what is left in each, who is on it, and the way in.

import { token } from "../api.js"
import { fill, h } from "../dom.js"
import { settings } from "../settings.js"
import { number, t, when } from "../texts.js"
import { heldByOthers } from "./following.js"
import { KINDS, kindName, linkTo } from "./tasks.js"

/**
 * Fill root with the groups, again whenever they change. onRename: somebody else sits here now. from: the task that one
 * comes from; takesFocus: focus goes there, or to the heading.
 */
export function groupList(root, followed, { onRename, from, takesFocus }) {
  const list = h("div", {})
  let before = ""

  function show(groups) {
    const now = JSON.stringify(groups)
    if (now === before) return
    before = now
    const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null
    fill(list, groups.length ? groups.map(groupPanel) : nothingYet())
    if (focused) (list.querySelector(`[href="${CSS.escape(focused)}"]`) ?? heading).focus()
  }

  const heading = h("h1", { tabindex: "-1" }, t("review.title"))
  const who = token() ? null : h("p", {}, t("review.name.you", { name: settings.name }), " ",
    h("button", { type: "button", class: "quiet", on: { click: onRename } }, t("review.name.change")))
  fill(root, heading, who, list)
  show(followed.groups)
  const isFree = [document.body, document.getElementById("main")].includes(document.activeElement)
  if (takesFocus && isFree) ((from && list.querySelector(`[href="${CSS.escape(linkTo(from))}"]`)) ?? heading).focus()
  return followed.listen(show)
}

/** Fill root with why there is nothing to review. */
export function problemScreen(root, { status, message }) {
  const known = { 403: "review.problem.scope", 404: "review.problem.forms" }[status]
  fill(root,
    h("h1", {}, t("review.title")),
    h("div", { class: "panel" },
      h("p", {}, known ? t(known) : t("review.problem.other")),
      h("p", { class: "soft" }, message)))
}

function nothingYet() {
  return h("div", { class: "panel" },
    h("h2", {}, t("review.none")),
    h("p", {}, t("review.none.do")),
    h("pre", { class: "scrolls", tabindex: "0", role: "region", "aria-label": t("review.none.command") },
      h("code", {}, `curl -F scan=@scan.pdf '${location.origin}/v1/forms/FORM/pages?group=GROUP'`)),
    h("p", {}, t("review.none.more")))
}

function groupPanel(group) {
  const id = `group-${group.group}-${group.form}`
  const held = heldByOthers(group, token() ? null : settings.name)
  const kinds = KINDS.filter((kind) => group.left[kind] > 0)
  const digits = group.left.digits.map((count, digit) => ({ count, digit })).filter(({ count }) => count > 0)
  const link = (task, text, name) =>
    h("a", { class: "button", href: linkTo({ group: group.group, form: group.form, ...task }), "aria-label": name }, text)
  return h("section", { class: "panel group", "aria-labelledby": id },
    h("h2", { id }, group.group),
    h("p", { class: "soft" }, t("review.group.size", { form: group.form, count: group.fields })),
    held === 0 ? null : h("p", {}, t("review.held", { count: held })),
    kinds.length || digits.length ? null : h("p", { class: "good" }, t("review.group.done")),
    kinds.length === 0 ? null : h("ul", { class: "kinds" }, kinds.map((kind) =>
      h("li", {},
        link({ kind }, [kindName({ kind }), " ", h("strong", {}, t("review.left", { count: group.left[kind] }))]),
        h("span", { class: "soft" }, t(`review.kind.${kind}.why`))))),
    digits.length === 0 ? null : h("div", {},
      h("h3", {}, t("review.kind.digits.all")),
      h("p", { class: "soft" }, t("review.kind.digits.why")),
      h("ul", { class: "digits row" }, digits.map(({ count, digit }) =>
        h("li", {}, link({ kind: "digits", digit }, [h("strong", {}, String(digit)), h("span", { class: "soft" }, t("review.digits.count", { count }))],
          t("review.digits.link", { digit: String(digit), count })))))),
    clerks(group))
}

function clerks({ clerks: people }) {
  if (people.length === 0) return null
  const head = ["who", "holds", "keyed", "seconds", "last"].map((name, i) =>
    h("th", { scope: "col", class: i ? "number" : null }, t(`review.clerks.${name}`)))
  return h("details", { open: true },
    h("summary", {}, t("review.clerks")),
    h("div", { class: "scrolls" },
      h("table", {},
        h("thead", {}, h("tr", {}, head)),
        h("tbody", {}, people.map((person) => h("tr", {},
          h("th", { scope: "row" }, person.clerk),
          h("td", { class: "number" }, String(person.holds)),
          h("td", { class: "number" }, String(person.keyed)),
          h("td", { class: "number" }, typeof person.seconds !== "number" ? "–" : number(person.seconds, 1)),
          h("td", { class: "number" }, person.last_at ? when(new Date(person.last_at)) : "–")))))))
}
