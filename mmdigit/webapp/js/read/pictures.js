// Pictures from elsewhere: a file, one dropped or pasted.

import { jpeg, paper } from "../canvas.js"
import { h } from "../dom.js"
import { t } from "../texts.js"

const KEPT = ["image/png", "image/jpeg", "image/webp"] // kinds that the gateway reads
const MAX_KEPT_BYTES = 1_000_000 // it takes 2 MiB
const MAX_SIDE = 1024 // pixels of a picture that is written anew
const MAX_FILE_BYTES = 50_000_000
const MIN_SIDE = 8
export const MAX_PICTURES = 20

/**
 * A picture as the gateway takes it: the file itself where that is small enough, else scaled down. Throws an Error with
 * code "unreadable_picture" for what the browser does not decode.
 */
export async function asPicture(file) {
  let bitmap
  try {
    if (file.size > MAX_FILE_BYTES) throw new Error(`expected at most ${MAX_FILE_BYTES} bytes, got ${file.size}`)
    bitmap = await createImageBitmap(file)
    if (Math.min(bitmap.width, bitmap.height) < MIN_SIDE) throw new Error(`expected sides of ${MIN_SIDE} pixels, got less`)
  } catch (error) {
    throw Object.assign(new Error(error.message, { cause: error }), { code: "unreadable_picture" })
  }
  try {
    const longest = Math.max(bitmap.width, bitmap.height)
    if (KEPT.includes(file.type) && file.size <= MAX_KEPT_BYTES && longest <= 4 * MAX_SIDE) return file
    return await drawn(bitmap, Math.min(1, MAX_SIDE / longest))
  } finally {
    bitmap.close()
  }
}

function drawn(bitmap, scale) {
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(MIN_SIDE, Math.round(side * scale)))
  const canvas = paper(width, height)
  canvas.getContext("2d").drawImage(bitmap, 0, 0, width, height)
  return jpeg(canvas)
}

/**
 * The button for files. onFiles(files, source) also hears of what is pasted, or dropped anywhere, until signal ends it:
 * a browser would leave the page for a file that misses. root shows that files are over the page.
 */
export function pictureButton(root, onFiles, signal) {
  const field = h("input", { type: "file", accept: "image/*", multiple: true, hidden: true, "aria-label": t("read.upload") })
  field.addEventListener("change", () => {
    onFiles([...field.files], "upload")
    field.value = ""
  })
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
  const button = h("button", { type: "button", on: { click: () => field.click() } }, t("read.upload"))
  return [button, field]
}
