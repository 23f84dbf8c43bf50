// What waits in Review, asked for while there are groups of pages.

import { ApiError } from "../api.js"
import { groups as askGroups } from "../review/requests.js"
import { t } from "../texts.js"

const EVERY_MS = 5000
const MOST_TOLD = 5

/** `look(status)` asks if it is time to; onTexts hears what waits, a line a group. `end()` ends it. */
export function toReview(onTexts) {
  const ended = new AbortController()
  let next = 0
  let isRefused = false

  async function look(status) {
    const now = performance.now()
    if (!status.groups.some((group) => group.kind === "pages")) return onTexts([])
    if (isRefused || now < next) return
    next = now + EVERY_MS
    try {
      onTexts(waitingTexts(await askGroups(ended.signal)))
    } catch (error) {
      if (ended.signal.aborted) return
      if (!(error instanceof ApiError)) throw error
      isRefused = !error.passes // a token that may watch need not be one that may review
    }
  }

  return { look, end: () => ended.abort() }
}

/** A line for each group in which something waits; of many groups, the newest ones. */
export function waitingTexts(groups) {
  const waiting = new Map() // a group may have several forms
  for (const { group, left } of groups) {
    const { fields, controls } = waiting.get(group) ?? { fields: 0, controls: 0 }
    waiting.set(group, { fields: fields + left.review + left.second, controls: controls + left.control })
  }
  const texts = [...waiting].filter(([, { fields, controls }]) => fields + controls > 0).map(([group, { fields, controls }]) => {
    const parts = [
      ...(fields > 0 ? [t("watch.waits.fields", { count: fields })] : []),
      ...(controls > 0 ? [t("watch.waits.controls", { count: controls })] : []),
    ]
    return t("watch.waits", { group, what: parts.join(t("watch.and")) })
  })
  const more = texts.length - MOST_TOLD
  return more > 0 ? [...texts.slice(0, MOST_TOLD), t("watch.waits.more", { count: more })] : texts
}
