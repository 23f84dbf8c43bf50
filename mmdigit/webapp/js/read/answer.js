// The answer: one very large digit, or a number, with the words beneath it.

import { h } from "../dom.js"
import { sentences, t } from "../texts.js"
import { bars } from "./bars.js"
import { seen } from "./seen.js"
import { inWords } from "./words.js"

/** The answer to what was read: {element, text}. readings: as read() returns them, in order; text: for a screen reader. */
export function answerOf(readings) {
  return readings.length === 1 ? single(readings[0]) : several(readings)
}

function single(reading) {
  const words = inWords(reading.prediction)
  const element = h("div", { class: `read-answer ${words.kind}` },
    h("h2", { class: "unseen" }, t("read.answer")),
    h("p", { class: words.kind === "conflict" ? "read-digit wide" : "read-digit" }, words.digit),
    h("p", { class: "read-kind" }, mark(words.kind), words.title),
    adviceOf(words),
    words.parts.length > 1 ? partsOf(words) : null,
    bars(reading.prediction, words.digit),
    h("details", {}, h("summary", {}, t("read.seen")), seen(reading)))
  return { element, text: words.spoken }
}

function several(readings) {
  const all = readings.map((reading) => inWords(reading.prediction))
  const number = all.map((words) => (words.kind === "conflict" ? "?" : words.digit)).join("")
  const aloud = number.split("").map((digit) => (digit === "?" ? t("read.unclear") : digit)).join(" ")
  const doubtful = all.filter((words) => words.kind !== "sure").length
  const title = doubtful === 0 ? t("read.several.sure", { count: all.length }) : t("read.several.doubt", { count: doubtful })
  const element = h("div", { class: "read-answer" },
    h("h2", { class: "unseen" }, t("read.answer")),
    h("p", { class: "read-digit number", "aria-label": aloud, role: "img" }, number),
    h("p", { class: "read-kind" }, mark(doubtful === 0 ? "sure" : "unsure"), title),
    h("ol", { class: "read-several" }, readings.map((reading, i) =>
      h("li", {},
        h("details", {},
          h("summary", {}, h("strong", {}, all[i].digit), " ", mark(all[i].kind), all[i].title),
          adviceOf(all[i]),
          bars(reading.prediction, all[i].digit),
          h("h3", {}, t("read.seen")),
          seen(reading))))))
  const each = all.map((words, i) => (words.kind === "sure" ? null : t("read.several.nth", { n: i + 1, text: words.spoken })))
  return { element, text: sentences(aloud, title, ...each) }
}

const mark = (kind) =>
  h("span", { class: kind === "sure" ? "good" : "look", "aria-hidden": "true" }, kind === "sure" ? "✓ " : "⚠ ")

const adviceOf = ({ advice }) => advice.map(({ text }) => h("p", { class: "read-advice" }, text))

const partsOf = ({ parts }) =>
  h("dl", { class: "read-parts" }, parts.map(({ name, text }) => h("div", {}, h("dt", {}, name), h("dd", {}, text))))
