// Says once that the gateway does not answer, whoever notices it, until it answers everybody again.

import { notice } from "../dom.js"
import { t } from "../texts.js"

const waiting = new Set()

/** who: a name of whoever waits for the gateway, or no longer. */
export function tellAway(who, isAway) {
  const before = waiting.size
  if (isAway) waiting.add(who)
  else waiting.delete(who)
  if ((waiting.size > 0) !== before > 0) notice(waiting.size > 0 ? t("common.away") : "")
}
