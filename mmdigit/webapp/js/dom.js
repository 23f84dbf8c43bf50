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

/** Say it to a screen reader: politely, and again if it is the same as before. */
export function announce(text) {
  const status = document.getElementById("status")
  status.textContent = status.textContent === text ? `${text} ` : text
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
