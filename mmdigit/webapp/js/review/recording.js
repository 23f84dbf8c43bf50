// The recording of a field: what is written beside what is heard, and the sound with marks of where it is heard.

import { ApiError } from "../api.js"
import { fill, h } from "../dom.js"
import { sentences, t } from "../texts.js"
import { fieldSound } from "./requests.js"

const AROUND_S = 0.3 // of sound before the first digit and after the last one
const NONE = "–"

/** {element, show(item), play(), end()}. show returns what a voice says of it; describedBy: the id of the same text. */
export function fieldRecording(group, describedBy) {
  const says = h("span", { id: describedBy, class: "unseen" })
  const readings = h("div", { class: "readings" })
  const marks = h("div", { class: "marks-line", "aria-hidden": "true" })
  const button = h("button", { type: "button", on: { click: () => recording.play() } })
  const problem = h("p", { class: "look", role: "status" })
  const element = h("section", { class: "recording", "aria-label": t("review.sound"), hidden: true }, readings, marks, h("div", { class: "row" }, button), problem, says)
  let item = null
  let digits = []
  let audio = null
  let until = Infinity
  let parts = [] // of each digit: its cells and its mark

  function stretch() {
    const placed = digits.filter(({ box }) => box !== null)
    if (placed.length === 0) return [0, Infinity] // of another number of digits: all that is said
    return [Math.max(0, placed[0].start_s - AROUND_S), placed.at(-1).end_s + AROUND_S]
  }

  function showPlaying(isPlaying) {
    fill(button, t(isPlaying ? "review.sound.stop" : "review.sound.play"), " ", h("kbd", {}, t("review.key.sound")))
    for (const { elements } of parts) for (const each of elements) each.classList.toggle("now", isPlaying && each.dataset.now === "1")
  }

  function follow(sound) {
    if (sound !== audio || sound.paused) return
    for (const { digit, elements } of parts) {
      const isNow = digit.start_s <= sound.currentTime && sound.currentTime < digit.end_s
      for (const each of elements) each.dataset.now = isNow ? "1" : ""
    }
    showPlaying(true)
    if (sound.currentTime >= until) return sound.pause()
    requestAnimationFrame(() => follow(sound))
  }

  async function opened() {
    const mine = item
    const url = URL.createObjectURL(await fieldSound(group, mine.id))
    if (mine !== item || audio !== null) return URL.revokeObjectURL(url)
    audio = new Audio(url)
    audio.addEventListener("pause", () => showPlaying(false))
    audio.addEventListener("ended", () => showPlaying(false))
  }

  async function playFrom([from, to]) {
    fill(problem)
    try {
      if (audio === null) await opened()
      if (audio === null) return // another field is shown by now
      audio.currentTime = from
      until = to
      await audio.play()
      follow(audio)
    } catch (error) {
      if (error.name === "AbortError") return // it was stopped before it began
      fill(problem, error instanceof ApiError ? error.message : t("review.sound.problem"))
    }
  }

  function cell(tag, digit, text, differs) {
    const said = differs ? h("span", { class: "unseen" }, ` ${t("review.sound.differs")}`) : null
    return h(tag, { class: differs ? "differs" : null }, text, said)
  }

  function table() {
    const name = (digit, place) => t("review.sound.digit", { digit: String(digit.heard), box: (digit.box ?? place) + 1 })
    const differs = ({ heard, written }) => written !== null && heard !== written
    const played = digits.map((digit, place) =>
      h("button", { type: "button", "aria-label": name(digit, place), on: { click: () => playFrom([digit.start_s, digit.end_s]) } }, String(digit.heard)))
    const line = (kind, cells) => h("tr", {}, h("th", { scope: "row" }, t(`review.sound.${kind}`)), cells)
    const isPlaced = digits.every(({ box }) => box !== null)
    const heard = digits.map((digit, place) => cell("td", digit, played[place], differs(digit)))
    parts = digits.map((digit, place) => ({ digit, elements: [heard[place], mark(digit)] }))
    return h("table", {},
      isPlaced ? line("written", digits.map((digit) => cell("td", digit, digit.written ?? NONE, false))) : null,
      line("heard", heard))
  }

  function mark(digit) {
    const [from, to] = [digits[0].start_s - AROUND_S, digits.at(-1).end_s + AROUND_S]
    const place = (time) => `${(100 * (time - from)) / (to - from)}%`
    const element = h("span", {}, String(digit.heard))
    element.style.insetInlineStart = place(digit.start_s)
    element.style.inlineSize = place(from + digit.end_s - digit.start_s)
    return element
  }

  function saying() {
    if (digits.length === 0) return ""
    const heard = digits.map((digit) => digit.heard).join(" ")
    const isPlaced = digits.every(({ box }) => box !== null)
    return isPlaced
      ? t("review.sound.both", { written: digits.map(({ written }) => written ?? NONE).join(" "), heard })
      : t("review.sound.only", { heard })
  }

  const recording = {
    element,
    show(shown) {
      recording.end()
      item = shown
      digits = item.field.sound?.digits ?? []
      element.hidden = item.field.sound === null
      parts = []
      fill(readings, digits.length > 0 ? table() : null)
      fill(marks, parts.map(({ elements }) => elements[1]))
      marks.hidden = digits.length === 0
      fill(problem)
      showPlaying(false)
      fill(says, element.hidden ? "" : sentences(saying(), t("review.sound.has")))
      return says.textContent
    },
    /** Play the field's sound, or stop it. */
    play() {
      if (element.hidden) return
      if (audio !== null && !audio.paused) audio.pause()
      else playFrom(stretch())
    },
    end() {
      if (audio !== null) {
        audio.pause()
        URL.revokeObjectURL(audio.src)
      }
      audio = null
    },
  }
  return recording
}
