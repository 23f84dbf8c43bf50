// Elements, and what the status line says.

/**
 * An element. props: attributes; `class`, `on` ({event: listener}) and `data` ({name: value}) too; null and false are
 * left out, true is an empty attribute. children: nodes and texts; null is left out. No HTML is ever parsed.
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === null || value === undefined || value === false) continue
    if (name === "on") for (const [event, listener] of Object.entries(value)) element.addEventListener(event, listener)
    else if (name === "data") Object.assign(element.dataset, value)
    else element.setAttribute(name, value === true ? "" : value)
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined))
  return element
}

/** Put these in place of what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined))
}

const NEW_LINE_MS = 150 // until a screen reader knows of a status line that was not there before

let waiting = 0

/**
 * Say it to a screen reader: politely, and again if it is the same as before. While a dialog is open it is said in there:
 * the rest of the page is out of its reach.
 */
export function announce(text) {
  clearTimeout(waiting)
  const dialog = [...document.querySelectorAll("dialog[open]")].at(-1)
  const line = dialog ? dialog.querySelector(":scope > .said") : document.getElementById("status")
  if (line) line.textContent = line.textContent === text ? `${text}\u00a0` : text // another space would not count as a change
  else {
    dialog.append(h("p", { role: "status", class: "unseen said" }))
    waiting = setTimeout(() => announce(text), NEW_LINE_MS)
  }
}

/** Tell everyone something that lasts, above the view, such as that the gateway is away; "" takes it back. */
export function notice(text) {
  const line = document.getElementById("notice")
  if (line.textContent !== text) {
    line.textContent = text
    if (text) announce(text)
  }
  line.hidden = text === ""
}
