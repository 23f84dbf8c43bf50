// What can be done with one digit of the number: hear it, see it, take the next likeliest, say it again, add one, remove it.

import { fill, h } from "../dom.js"
import { speakButton } from "../sound/speak_button.js"
import { t } from "../texts.js"
import { beQuiet } from "./aloud.js"
import { foundOf, placeOf } from "./words.js"

/**
 * {element, show(number, at), end()}. number: going of going.js. act: {hear, take, say, insert, remove}: say(at, blob) is
 * told what was said again; the others hear the digit's place, take the label too; insert the place of the new one.
 */
export function digitPanel(act) {
  const title = h("h3")
  const found = h("p")
  const picture = h("div", { class: "listen-crop", hidden: true })
  let at = 0
  let spoken = 0 // the digit that is being said again
  const again = speakButton((blob) => act.say(spoken, blob), {
    onStart() {
      beQuiet()
      spoken = at
    },
    words: { speak: "listen.digit.again", tone: "listen.digit.tone", listening: "listen.digit.listening", got: "listen.digit.got" },
  })
  const button = (text, click) => h("button", { type: "button", on: { click } }, text)
  const hear = button(t("listen.digit.hear"), () => act.hear(at))
  const take = button("", () => act.take(at, other))
  let other = null
  const element = h("section", { class: "panel listen-digit", "aria-labelledby": "listen-digit" }, title, picture, found,
    h("div", { class: "row" },
      take, hear, again.button,
      button(t("listen.digit.before"), () => act.insert(at)),
      button(t("listen.digit.after"), () => act.insert(at + 1)),
      button(t("listen.digit.remove"), () => act.remove(at))),
    again.state)
  title.id = "listen-digit"

  return {
    element,
    show(number, place) {
      at = place
      const digit = number.digits[at]
      other = digit.doubtful && digit.other !== digit.label ? digit.other : null
      fill(title, placeOf(at, number.digits))
      fill(found, foundOf(digit, number.source))
      take.hidden = other === null
      fill(take, t("listen.digit.take", { other: other ?? "" }))
      hear.hidden = digit.startS === null
      const crop = digit.corners && number.photo ? number.photo.crop(digit.corners) : null
      picture.hidden = crop === null
      fill(picture, crop)
    },
    end: () => again.end(),
  }
}
