// The tab's one outbox. It goes on sending whatever view is shown, and asks before the tab is closed too early.

import { tellAway } from "./away.js"
import { putOffer } from "./offers.js"
import { KEPT_OUTCOMES, outbox } from "./outbox.js"
import { release, sendKeys } from "./requests.js"

export const box = outbox({ send: ({ claim, ...keys }) => sendKeys(claim, keys), release })

box.listen((event) => {
  if (event.type === "state") tellAway("outbox", event.away)
  if (event.type !== "result" || KEPT_OUTCOMES.includes(event.result.outcome)) return
  const { group, field, box: place, key } = event.entry
  if (place === undefined && !key.undo) putOffer(group, field, { text: key.text, problem: event.result })
})

window.addEventListener("beforeunload", (event) => {
  if (box.unsent > 0) event.preventDefault()
})
box.resume()
