// What was given, as small cards: each picture, and the sound with a button to play it. Each can be removed.

import { fill, h } from "../dom.js"
import { playBlob } from "../sound/clips.js"
import { t } from "../texts.js"
import { digits, given, isEmpty } from "./given.js"

/**
 * The list of cards. remove(card) is called for {strokes}, {entry} or {sound: true}. Returns {element, show(), end()};
 * show() after each change.
 */
export function cardList(remove) {
  const element = h("ul", { class: "read-cards", "aria-label": t("read.cards") })
  let cards = new Map() // by promise or Blob, so that a card that stays keeps its focus

  function show() {
    const shown = new Map()
    const all = digits()
    all.forEach((digit, i) => {
      const key = digit.entry ?? digit.picture
      const card = cards.get(key) ?? pictureCard(digit)
      const what = t(`read.card.${digit.source}`)
      card.name(all.length === 1 ? what : t("read.card.nth", { n: i + 1, what }))
      shown.set(key, card)
    })
    if (given.sound) shown.set(given.sound, cards.get(given.sound) ?? soundCard(given.sound))
    shown.get(given.sound)?.unused(all.length > 1)
    for (const [key, card] of cards) if (!shown.has(key)) card.end()
    cards = shown
    element.hidden = isEmpty()
    const elements = [...shown.values()].map((card) => card.element)
    if (elements.length !== element.children.length || elements.some((card, i) => card !== element.children[i])) {
      fill(element, elements)
    }
  }

  function pictureCard(digit) {
    let url = ""
    const picture = h("img", { alt: "" })
    const label = h("span")
    const button = removal(() => remove(digit))
    digit.picture.then((blob) => (picture.src = url = URL.createObjectURL(blob)))
    return {
      element: h("li", { class: "read-card" }, picture, label, button),
      name(text) {
        label.textContent = text
        button.setAttribute("aria-label", t("read.card.remove", { what: text }))
      },
      end: () => URL.revokeObjectURL(url),
    }
  }

  function soundCard(sound) {
    const label = h("span", {}, t("read.card.sound"))
    const button = removal(() => remove({ sound: true }))
    button.setAttribute("aria-label", t("read.card.remove", { what: t("read.card.sound") }))
    const play = h("button", { type: "button", "aria-label": t("read.card.play"), on: { click: () => playBlob(sound) } }, "▶")
    return {
      element: h("li", { class: "read-card" }, play, label, button),
      unused: (unused) => (label.textContent = unused ? t("read.card.unused") : t("read.card.sound")),
      end: () => {},
    }
  }

  const removal = (click) => h("button", { type: "button", class: "quiet", on: { click } }, "✕")

  return { element, show, end: () => cards.forEach((card) => card.end()) }
}
