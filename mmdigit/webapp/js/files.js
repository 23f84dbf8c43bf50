// Files that a person chooses, drops or pastes.

import { h } from "./dom.js"

/** A button for files, and the field behind it. kinds: as the attribute accept has them. onFiles(files) hears of them. */
export function fileButton(text, kinds, onFiles, { multiple = false } = {}) {
  const field = h("input", { type: "file", accept: kinds, multiple, hidden: true, "aria-label": text })
  field.addEventListener("change", () => {
    onFiles([...field.files])
    field.value = ""
  })
  return [h("button", { type: "button", on: { click: () => field.click() } }, text), field]
}

/**
 * onFiles(files, source) hears of what is pasted ("paste"), or dropped anywhere ("upload"), until signal ends it: a browser
 * would leave the page for a file that misses. root shows that files are over the page.
 */
export function takeFiles(root, onFiles, signal) {
  document.addEventListener("dragover", (event) => {
    if (!event.dataTransfer.types.includes("Files")) return
    event.preventDefault()
    root.classList.add("dropping")
  }, { signal })
  document.addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) root.classList.remove("dropping") // out of the window
  }, { signal })
  document.addEventListener("drop", (event) => {
    root.classList.remove("dropping")
    if (event.dataTransfer.files.length === 0) return
    event.preventDefault()
    onFiles([...event.dataTransfer.files], "upload")
  }, { signal })
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])]
    if (files.length === 0) return
    event.preventDefault()
    onFiles(files, "paste")
  }, { signal })
}
