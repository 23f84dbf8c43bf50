// Pictures of fields and boxes: decoded ahead, so that they are there when they are shown.

import { h } from "../dom.js"

const LARGEST = 3 // times the crop's own pixels, which are 100 a inch
const STEPS = [1, 1.5, 2, 3]

/** The item with its picture: an image element that the browser decodes now. */
export function prepared(item) {
  const image = h("img", { src: `data:image/png;base64,${item.field.crop}`, alt: "", draggable: "false" })
  image.decode().catch(() => {}) // a picture that cannot be decoded shows as one
  return { ...item, image }
}

/**
 * The picture of a field, with its boxes marked: {element, show(item, alt), zoom(by)}. by: 1 larger, -1 smaller.
 * zoom returns the scale now.
 */
export function fieldPicture() {
  let step = 0
  const holder = h("div", { class: "crop" })
  const element = h("div", { class: "crop-window" }, holder)
  let image = null

  function size() {
    if (!image?.naturalWidth) return
    holder.style.inlineSize = `calc(min(100%, ${LARGEST * image.naturalWidth}px) * ${STEPS[step]})`
    const scrolls = step > 0
    for (const [name, value] of [["tabindex", "0"], ["role", "group"], ["aria-label", image.alt]]) {
      if (scrolls) element.setAttribute(name, value)
      else element.removeAttribute(name)
    }
  }

  function mark(boxes) {
    return boxes.map((box) => {
      const line = h("span", { class: "box-line", "aria-hidden": "true" })
      line.style.insetInlineStart = `${(100 * box.left) / image.naturalWidth}%`
      line.style.insetBlockStart = `${(100 * box.top) / image.naturalHeight}%`
      line.style.inlineSize = `${(100 * box.width) / image.naturalWidth}%`
      line.style.blockSize = `${(100 * box.height) / image.naturalHeight}%`
      return line
    })
  }

  return {
    element,
    show(item, alt) {
      image = item.image
      image.alt = alt
      const place = () => {
        if (image !== item.image) return
        holder.replaceChildren(image, ...mark(item.field.boxes ?? []))
        size()
      }
      holder.replaceChildren(image)
      if (image.naturalWidth) place()
      else image.decode().then(place, () => {})
    },
    zoom(by) {
      step = Math.min(STEPS.length - 1, Math.max(0, step + by))
      size()
      return STEPS[step]
    },
  }
}
