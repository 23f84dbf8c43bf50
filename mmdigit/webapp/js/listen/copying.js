// Puts a text on the clipboard.

/** Whether it worked: a browser may refuse, or have no clipboard without https. field: holds the text, to copy it by hand. */
export async function copy(text, field) {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    field.select()
    return document.execCommand("copy")
  }
}
