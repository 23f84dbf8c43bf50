// A switch with what it does beneath it.

import { h } from "./dom.js"

let toggles = 0

/** kind: its class. change(on) hears of it. */
export function toggle(name, help, kind, checked, change) {
  const id = `toggle-help-${++toggles}`
  const field = h("input", { type: "checkbox", role: "switch", class: kind, checked, "aria-describedby": id })
  field.addEventListener("change", () => change(field.checked))
  return h("div", {}, h("label", { class: "line" }, field, name), h("p", { class: "soft", id }, help))
}
