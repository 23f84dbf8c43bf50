// How likely each digit is: a table with a bar and a number in each cell.

import { h } from "../dom.js"
import { t } from "../texts.js"
import { shortShare } from "./words.js"

/**
 * The table of a prediction: a column for the picture, the sound and both, or one where only one was given. chosen: the
 * row of the answer, as text; none is marked where there is no answer.
 */
export function bars({ probabilities, image, audio, fused }, chosen) {
  const columns =
    image && audio
      ? [
          [t("read.written"), image.probabilities],
          [t("read.spoken"), audio.probabilities],
          [t("read.together"), fused?.probabilities ?? probabilities],
        ]
      : [[t("read.likely.share"), probabilities]]
  const shown = columns.filter(([, shares]) => shares)
  return h("table", { class: "read-bars" },
    h("caption", {}, t("read.likely")),
    h("thead", {}, h("tr", {},
      h("th", { scope: "col" }, t("read.likely.digit")),
      shown.map(([name]) => h("th", { scope: "col" }, name)))),
    h("tbody", {}, probabilities.map((_, digit) =>
      h("tr", { class: `${digit}` === chosen ? "chosen" : null },
        h("th", { scope: "row" }, `${digit}`),
        shown.map(([, shares]) => h("td", {}, cell(shares[digit])))))))
}

function cell(share) {
  const filled = h("span")
  filled.style.inlineSize = `${100 * share}%`
  return h("span", {},
    h("span", { class: "read-bar", "aria-hidden": "true" }, filled),
    h("span", { class: "read-share" }, shortShare(share)))
}
