// The view "learn".

import { fill, h } from "../dom.js"
import { t } from "../texts.js"

/** Fill root; returns what ends the view. */
export function mount(root) {
  fill(root, h("h1", {}, t("learn.title")))
  return () => {}
}
