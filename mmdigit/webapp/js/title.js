// The title of the page: what a browser's tab, its history and a screen reader call it.

import { t } from "./texts.js"

/** Name what is shown, such as "Read", or a group in Review. */
export function setTitle(part) {
  document.title = t("common.title", { view: part })
}
